#include "emqx_auth_http/params.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "http_client/message.hpp"
#include "keel/text.hpp"

namespace auth_http {
namespace {

constexpr std::size_t kMostParams = 64;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

std::string_view value_of(char placeholder, const Facts& facts) {
  switch (placeholder) {
    case 'u':
      return facts.username;
    case 'P':
      return facts.password;
    case 'c':
      return facts.client_id;
    case 'a':
      return facts.address;
    case 'r':
      return facts.protocol;
    case 'C':
      return facts.cn;
    case 'd':
      return facts.dn;
    case 't':
      return facts.topic;
    case 'A':
      return facts.publishing ? "2" : "1";
    default:
      return {};
  }
}

// Which placeholder stands behind a '%', and how long it is: the longer names at the end only, as
// "%cname" is %c and "name".
char placeholder_at(std::string_view rest, std::size_t& size) {
  size = 2;
  if (rest == "cn") return 'C';
  if (rest == "dn") return 'd';
  size = 1;
  return rest.empty() ? '\0' : rest[0];
}

}  // namespace

keel::Result<Params> Params::parse(std::string_view text, Scope scope) {
  Params out;
  while (!trimmed(text).empty()) {
    const std::size_t comma = text.find(',');
    auto param = parse_one(trimmed(text.substr(0, comma)), scope);
    if (!param) return param.status();
    out.params_.push_back(std::move(*param));
    if (out.params_.size() > kMostParams) return keel::Status::error("has more than 64 parameters");
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  if (out.params_.empty()) {
    return keel::Status::error("is empty; write a list such as username=%u,clientid=%c");
  }
  return out;
}

keel::Result<Params::Param> Params::parse_one(std::string_view text, Scope scope) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return keel::Status::error(
        keel::concat("'", text, "' is no name=value; write a list such as username=%u"));
  }
  Param out{std::string(trimmed(text.substr(0, equals))), {}};
  std::string_view rest = trimmed(text.substr(equals + 1));
  std::string literal;
  while (!rest.empty()) {
    if (rest[0] != '%') {
      literal += rest[0];
      rest.remove_prefix(1);
      continue;
    }
    std::size_t size = 0;
    const char what = placeholder_at(rest.substr(1), size);
    if (what == '%') {
      literal += '%';
      rest.remove_prefix(2);
      continue;
    }
    const std::string_view known = scope == Scope::login ? "uPcarCd" : "ucarCdAt";
    if (what == '\0' || known.find(what) == std::string_view::npos) {
      return keel::Status::error(
          keel::concat("'", text, "' has %", rest.substr(1, 1),
                       ", which is not known in this request; there are",
                       scope == Scope::login ? " %u %P %c %a %r %C %d" : " %u %c %a %r %C %d %A %t",
                       ", and %% for a percent sign"));
    }
    if (!literal.empty()) out.pieces.push_back({'\0', std::exchange(literal, {})});
    out.pieces.push_back({what, {}});
    rest.remove_prefix(1 + size);
  }
  if (!literal.empty()) out.pieces.push_back({'\0', std::move(literal)});
  return out;
}

std::string Params::fill(const Param& param, const Facts& facts) {
  std::string out;
  for (const Piece& piece : param.pieces) {
    out += piece.placeholder ? value_of(piece.placeholder, facts) : std::string_view(piece.text);
  }
  return out;
}

std::string Params::form(const Facts& facts) const {
  std::string out;
  for (const Param& param : params_) {
    if (!out.empty()) out += '&';
    out += keel::http::encode(param.name);
    out += '=';
    out += keel::http::encode(fill(param, facts));
  }
  return out;
}

std::optional<std::string> Params::json(const Facts& facts) const {
  boost::json::object object;
  bool ascii = true;
  for (const Param& param : params_) {
    const std::string value = fill(param, facts);
    ascii = ascii && std::all_of(value.begin(), value.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    object[param.name] = value;
  }
  std::string out = boost::json::serialize(object);
  if (ascii) return out;
  boost::system::error_code bad;
  boost::json::parse(out, bad);  // checks the encoding
  if (bad) return std::nullopt;
  return out;
}

bool Params::uses(char placeholder) const {
  return std::any_of(params_.begin(), params_.end(), [&](const Param& param) {
    return std::any_of(param.pieces.begin(), param.pieces.end(),
                       [&](const Piece& piece) { return piece.placeholder == placeholder; });
  });
}

}  // namespace auth_http
