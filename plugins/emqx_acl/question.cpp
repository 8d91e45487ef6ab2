#include "emqx_acl/question.hpp"

#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

// What a subscription is authorized for, as the kernel asks.
std::string_view without_share(std::string_view filter) {
  if (filter.starts_with("$queue/")) return filter.substr(7);
  if (!filter.starts_with("$share/")) return filter;
  const std::size_t slash = filter.find('/', 7);
  return slash == std::string_view::npos ? std::string_view() : filter.substr(slash + 1);
}

bool take_qos(std::string_view text, std::uint8_t& out) {
  if (text.size() != 1 || text[0] < '0' || text[0] > '2') return false;
  out = static_cast<std::uint8_t>(text[0] - '0');
  return true;
}

// One option with its value. False: `error` says why.
bool take_option(std::string_view name, std::string_view value, Question& out, std::string& error) {
  if (name == "--qos") {
    if (!take_qos(value, out.qos)) error = "--qos takes 0, 1 or 2";
  } else if (name == "--user") {
    out.user = value;
  } else if (name == "--cn") {
    out.cn = value;
  } else if (name == "--listener") {
    out.listener = value;
  } else {
    out.address = value;
    if (value != "unix" && !keel::Address::parse(value)) {
      error = keel::concat(in_quotes(value), " is no address; write 10.0.0.7, 2001:db8::1 or unix");
    }
  }
  return error.empty();
}

bool is_option(std::string_view word) {
  return word == "--qos" || word == "--user" || word == "--cn" || word == "--listener" ||
         word == "--address";
}

// Splits the words into options and the rest.
bool take_words(std::span<const std::string_view> words, Question& out,
                std::vector<std::string_view>& plain, std::string& error) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--retain") {
      out.retain = true;
      continue;
    }
    if (!word.starts_with("--")) {
      plain.push_back(word);
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    if (!is_option(name) || (equals == std::string_view::npos && i + 1 == words.size())) {
      error = is_option(name) ? keel::concat(name, " needs a value")
                              : keel::concat("there is no option ", in_quotes(name));
      return false;
    }
    const std::string_view value =
        equals == std::string_view::npos ? words[++i] : word.substr(equals + 1);
    if (!take_option(name, value, out, error)) return false;
  }
  return true;
}

}  // namespace

std::string_view topic_fault(Action action, std::string_view topic) {
  if (topic.empty()) return "the topic is empty";
  if (topic.size() > 65'535) return "the topic is longer than 65535 bytes";
  if (!valid_text(topic)) return "the topic is not UTF-8 text";
  const bool wildcard = topic.find_first_of("+#") != std::string_view::npos;
  if (action == Action::publish) return wildcard ? "a message's topic has no wildcards" : "";
  const Topic levels(topic);
  for (const std::string_view& level : levels.levels()) {
    const bool alone = level == "+" || (level == "#" && &level == &levels.levels().back());
    if (!alone && level.find_first_of("+#") != std::string_view::npos) {
      return "a wildcard must fill its whole level, and '#' must be the last one";
    }
  }
  return "";
}

bool parse_question(std::span<const std::string_view> words, Question& out, std::string& error) {
  std::vector<std::string_view> plain;
  if (!take_words(words, out, plain, error) || plain.size() != 3) return false;
  if (plain[1] != "publish" && plain[1] != "subscribe") {
    error = keel::concat("it is publish or subscribe, not ", in_quotes(plain[1]));
    return false;
  }
  out.client = plain[0];
  out.action = plain[1] == "publish" ? Action::publish : Action::subscribe;
  out.topic = out.action == Action::subscribe ? without_share(plain[2]) : plain[2];
  if (out.retain && out.action == Action::subscribe) {
    error = "--retain is about publishing";
  } else {
    error = topic_fault(out.action, out.topic);
  }
  return error.empty();
}

Who Question::who() const {
  Who out;
  out.client_id = client;
  out.has_username = user.has_value();
  if (user) out.username = *user;
  if (cn) out.cn = *cn;
  if (listener) out.listener = *listener;
  if (!address) return out;
  if (const auto parsed = keel::Address::parse(*address)) out.ip = Ip::of(*parsed);
  if (*address == "unix") out.ip.family = Ip::Family::unix_socket;
  return out;
}

}  // namespace emqx_acl
