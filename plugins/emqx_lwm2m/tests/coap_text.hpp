// CoAP messages as a line of text, both ways: "CON GET #1 t1 obs=0 /3 /0 accept=0 'payload". Tokens
// of ours are t1, t2 ... in the order in which they are first seen, others x and hex. Blocks are
// number, '+' for more, '/' and size: b1=3+/512.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "emqx_lwm2m/coap/encode.hpp"
#include "emqx_lwm2m/coap/message.hpp"
#include "gateway_tests/hex.hpp"

namespace coap_test {

using namespace std::string_literals;

using gateway_tests::hex;

inline std::string to_hex(std::string_view octets) {
  std::string out;
  for (const char c : octets) {
    for (const int shift : {4, 0}) {
      out += "0123456789abcdef"[static_cast<std::uint8_t>(c) >> shift & 15];
    }
  }
  return out;
}

class Tokens {
 public:
  explicit Tokens(bool named = true) : named_(named) {}

  std::string name(std::string_view token, bool of_ours) {
    const auto at = std::find(known_.begin(), known_.end(), token);
    if (at != known_.end()) return "t" + std::to_string(at - known_.begin() + 1);
    if (!of_ours || !named_) return "x" + to_hex(token);
    known_.emplace_back(token);
    return "t" + std::to_string(known_.size());
  }
  std::string octets(std::string_view name) const {
    if (name[0] == 'x') return hex(name.substr(1));
    return known_.at(std::strtoul(name.data() + 1, nullptr, 10) - 1);
  }

 private:
  bool named_;
  std::vector<std::string> known_;
};

struct OptionName {
  const char* name;
  std::uint16_t number;
};
constexpr OptionName kNumbers[] = {
    {"obs", coap::option::kObserve},  {"ct", coap::option::kContentFormat},
    {"age", coap::option::kMaxAge},   {"accept", coap::option::kAccept},
    {"size2", coap::option::kSize2},  {"size1", coap::option::kSize1},
    {"port", coap::option::kUriPort},
};
constexpr OptionName kBlocks[] = {{"b2", coap::option::kBlock2}, {"b1", coap::option::kBlock1}};
constexpr OptionName kMethods[] = {{"GET", coap::kGet},       {"POST", coap::kPost},
                                   {"PUT", coap::kPut},       {"DELETE", coap::kDelete},
                                   {"FETCH", coap::kFetch},   {"PATCH", coap::kPatch},
                                   {"iPATCH", coap::kIPatch}, {"0.00", coap::kEmpty}};
constexpr const char* kTypes[] = {"CON", "NON", "ACK", "RST"};

inline std::string code_text(coap::Code code) {
  for (const auto& each : kMethods) {
    if (each.number == code) return each.name;
  }
  const unsigned detail = coap::detail_of(code);
  return std::to_string(coap::class_of(code)) + (detail < 10 ? ".0" : ".") + std::to_string(detail);
}
inline coap::Code code_of(const std::string& text) {
  for (const auto& each : kMethods) {
    if (each.name == text) return static_cast<coap::Code>(each.number);
  }
  return coap::code(static_cast<unsigned>(text[0] - '0'),
                    static_cast<unsigned>(std::atoi(text.c_str() + 2)));
}

inline std::string payload_text(std::string_view payload) {
  if (payload.empty()) return {};
  if (payload.size() > 40) return " [" + std::to_string(payload.size()) + "]";
  return " '" + std::string(payload);
}

inline std::string option_text(const coap::Option& option) {
  const std::string value(option.value);
  if (option.number == coap::option::kUriPath) return "/" + value;
  if (option.number == coap::option::kUriQuery) return "?" + value;
  if (option.number == coap::option::kLocationPath) return "loc=" + value;
  if (option.number == coap::option::kEtag) return "etag=" + to_hex(value);
  for (const auto& each : kNumbers) {
    if (each.number != option.number) continue;
    return each.name + "="s + std::to_string(coap::uint_value(option.value, 4).value_or(0));
  }
  for (const auto& each : kBlocks) {
    if (each.number != option.number) continue;
    const coap::Block block = coap::block_value(option.value).value_or(coap::Block{});
    return each.name + "="s + std::to_string(block.number) + (block.more ? "+/" : "/") +
           std::to_string(block.size());
  }
  return "o" + std::to_string(option.number) + "=" + value;
}

inline std::string say(std::string_view datagram, Tokens& tokens) {
  coap::Message message;
  if (coap::parse(datagram, message) != coap::Parsed::ok) return "malformed";
  std::string out = kTypes[static_cast<int>(message.type)];
  out += " " + code_text(message.code) + " #" + std::to_string(message.id);
  const bool of_ours = message.type == coap::Type::con && message.is_request();
  if (!message.token.empty()) out += " " + tokens.name(message.token, of_ours);
  coap::OptionReader reader(message.options);
  for (coap::Option option; reader.next(option);) out += " " + option_text(option);
  return out + payload_text(message.payload);
}

inline std::uint32_t block_of(const std::string& text) {
  char* end = nullptr;
  coap::Block out;
  out.number = static_cast<std::uint32_t>(std::strtoul(text.c_str(), &end, 10));
  out.more = *end == '+';
  const unsigned long size = std::strtoul(end + (out.more ? 2 : 1), nullptr, 10);
  while (out.size() < size && out.szx < 7) ++out.szx;
  return coap::value_of(out);
}

// The octets of an option's number, minimal.
inline std::string number_octets(std::uint32_t value) {
  std::string out;
  for (; value != 0; value >>= 8) out.insert(out.begin(), static_cast<char>(value & 0xff));
  return out;
}

inline std::pair<std::uint16_t, std::string> option_of(const std::string& word) {
  if (word[0] == '/') return {coap::option::kUriPath, word.substr(1)};
  if (word[0] == '?') return {coap::option::kUriQuery, word.substr(1)};
  const auto equals = word.find('=');
  const std::string name = word.substr(0, equals), value = word.substr(equals + 1);
  if (name == "loc") return {coap::option::kLocationPath, value};
  if (name == "etag") return {coap::option::kEtag, hex(value)};
  for (const auto& each : kNumbers) {
    if (each.name != name) continue;
    return {each.number,
            number_octets(static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10)))};
  }
  for (const auto& each : kBlocks) {
    if (each.name == name) return {each.number, number_octets(block_of(value))};
  }
  return {static_cast<std::uint16_t>(std::atoi(name.c_str() + 1)), value};
}

// `more_payload` follows what the text has.
inline std::string encode(const std::string& text, const Tokens& tokens,
                          std::string_view more_payload = {}) {
  const auto quote = text.find(" '");
  std::string payload = quote == std::string::npos ? "" : text.substr(quote + 2);
  payload += more_payload;
  std::istringstream words(text.substr(0, quote));
  std::string type, code, id, token, word;
  words >> type >> code >> id;
  std::vector<std::pair<std::uint16_t, std::string>> options;
  while (words >> word) {
    if (word[0] == 't' || word[0] == 'x') {
      token = tokens.octets(word);
    } else {
      options.push_back(option_of(word));
    }
  }
  std::stable_sort(options.begin(), options.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto kind = std::find(std::begin(kTypes), std::end(kTypes), type) - std::begin(kTypes);
  std::string out;
  coap::Writer writer(out, static_cast<coap::Type>(kind), code_of(code),
                      static_cast<std::uint16_t>(std::atoi(id.c_str() + 1)), token);
  for (const auto& [number, value] : options) writer.option(number, value);
  writer.payload(payload);
  return out;
}

}  // namespace coap_test
