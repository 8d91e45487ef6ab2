#include "user_store/entry.hpp"

#include <keel/text.hpp>
#include <keel/utf8.hpp>

#include "user_store/password.hpp"
#include "user_store/scram.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

constexpr std::string_view kMagic = "#user_store";

std::string checked(std::string line) {
  const std::uint32_t crc = crc32(line);
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift & 255);
  return line + to_hex(bytes);
}

// The fields before the check sum, when it is right.
std::optional<std::vector<std::string_view>> fields(std::string_view line, std::string& problem) {
  const std::size_t cut = line.rfind(':');
  if (cut == std::string_view::npos || checked(std::string(line.substr(0, cut + 1))) != line) {
    problem =
        "the check sum at the end of the line does not fit: the line was damaged, or changed "
        "by hand";
    return std::nullopt;
  }
  auto out = split(line.substr(0, cut), ':');
  if (out.size() != 3) {
    problem = "not of the form name:hash:scram:check";
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::string name_problem(std::string_view name) {
  if (name.empty()) return "the name is empty";
  if (name.size() > 65'535) return "the name is longer than MQTT can carry (65535 bytes)";
  if (!keel::is_utf8(name)) return "the name is not UTF-8";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7f) return "the name has control characters in it";
  }
  return {};
}

std::string to_line(std::string_view name, std::string_view value) {
  const UserValue parts(value);
  return checked(keel::concat(escape(name), ':', parts.hash(), ':', parts.scram(), ':')) + '\n';
}

std::string header_line(std::string_view secret) {
  return checked(keel::concat(kMagic, ":1:", to_base64(secret), ':')) + '\n';
}

std::optional<Entry> parse_line(std::string_view line, std::string& problem) {
  const auto parts = fields(line, problem);
  if (!parts) return std::nullopt;
  const auto name = unescape((*parts)[0]);
  if (!name || name->empty()) {
    problem = "there is no proper name before the first ':'";
    return std::nullopt;
  }
  const std::string_view hash = (*parts)[1], scram = (*parts)[2];
  if (hash.empty() && scram.empty()) return Entry{*name, {}};
  if (const Recognised known = recognise(hash); !known.ok) {
    problem = keel::concat("the hash is ", known.problem);
    return std::nullopt;
  }
  if (!scram.empty() && !ScramVerifier::parse(scram)) {
    problem = "what stands after the hash is no SCRAM verifier";
    return std::nullopt;
  }
  return Entry{*name, UserValue::join(hash, scram)};
}

std::optional<std::string> parse_header(std::string_view line, std::string& problem) {
  if (!line.starts_with(kMagic)) {
    problem =
        "this is no user store (it would begin with #user_store); "
        "other files are read by `import`";
    return std::nullopt;
  }
  const auto parts = fields(line, problem);
  if (!parts) return std::nullopt;
  const auto secret = from_base64((*parts)[2]);
  if ((*parts)[1] != "1" || !secret || secret->size() < 16) {
    problem = keel::concat("version ", (*parts)[1], " of the format is not known here");
    return std::nullopt;
  }
  return secret;
}

}  // namespace user_store
