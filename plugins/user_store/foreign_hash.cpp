#include "user_store/foreign_hash.hpp"

#include <keel/text.hpp>

#include "user_store/password.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

std::optional<Digest> digest_of_hex_length(std::size_t length) {
  for (const Digest digest : {Digest::md5, Digest::sha1, Digest::sha256, Digest::sha512}) {
    if (digest_size(digest) * 2 == length) return digest;
  }
  return std::nullopt;
}

std::optional<ForeignHash> parse_pbkdf2(const std::vector<std::string_view>& words) {
  const auto digest = digest_named(words[1]);
  const auto iterations = number(words[2], kMostIterations);
  const auto length = number(words[3], 1024);
  if (!digest || !iterations || *iterations == 0 || !length || *length < 8) return std::nullopt;
  ForeignHash out;
  out.kind = ForeignHash::Kind::pbkdf2;
  out.digest = *digest;
  out.iterations = static_cast<std::uint32_t>(*iterations);
  out.length = static_cast<std::size_t>(*length);
  return out;
}

}  // namespace

std::optional<ForeignHash> ForeignHash::parse(std::string_view setting) {
  std::vector<std::string_view> words = split(setting, ',');
  for (std::string_view& word : words) word = trim(word);
  if (words.size() == 4 && words[0] == "pbkdf2") return parse_pbkdf2(words);
  ForeignHash out;
  if (words.size() == 2 && words[1] == "salt") {
    out.place = SaltedHash::Salt::behind;
    words.pop_back();
  } else if (words.size() == 2 && words[0] == "salt") {
    words.erase(words.begin());
  } else if (words.size() == 1 && words[0] == "plain") {
    out.kind = Kind::plain;
    return out;
  }
  if (words.size() != 1) return std::nullopt;
  if (words[0] == "bcrypt") {
    out.kind = Kind::bcrypt;
    return out;
  }
  const auto digest = digest_named(words[0]);
  if (!digest) return std::nullopt;
  out.digest = *digest;
  return out;
}

StoredForm to_stored(const ForeignHash& how, std::string_view hash, std::string_view salt) {
  if (hash.starts_with('$')) {
    Recognised known = recognise(hash);
    if (!known.ok) return {{}, std::move(known.problem)};
    return {std::string(hash), {}};
  }
  if (hash.empty()) return {{}, "the hash is empty"};
  if (how.kind == ForeignHash::Kind::plain) return {make_quick(hash), {}};
  if (how.kind == ForeignHash::Kind::bcrypt) return {{}, "not a bcrypt hash ($2b$...)"};
  const auto bytes = from_hex(hash);
  if (!bytes) return {{}, "the hash is neither hexadecimal nor does it begin with $"};
  const bool derived = how.kind == ForeignHash::Kind::pbkdf2;
  const std::size_t size = derived ? how.length : digest_size(how.digest);
  if (bytes->size() != size) {
    return {{},
            keel::concat("the hash has ", bytes->size(), " bytes, but password_hash says ",
                         derived ? "pbkdf2," : "", digest_name(how.digest), ", which has ", size)};
  }
  SaltedHash out;
  out.digest = how.digest;
  out.iterations = how.iterations;
  out.place = how.place;
  out.salt = salt;
  out.hash = *bytes;
  return {out.to_text(), {}};
}

std::optional<std::string> from_emqx_record(std::string_view password) {
  std::string bytes(password);
  const auto digest_behind_salt = [&] {
    return bytes.size() > 4 ? digest_of_hex_length(bytes.size() - 4) : std::nullopt;
  };
  if (!digest_behind_salt() || !from_hex(std::string_view(bytes).substr(4))) {
    auto decoded = from_base64(password);
    if (!decoded) return std::nullopt;
    bytes = std::move(*decoded);
  }
  const auto digest = digest_behind_salt();
  const auto hash = digest ? from_hex(std::string_view(bytes).substr(4)) : std::nullopt;
  if (!hash) return std::nullopt;
  SaltedHash out;
  out.digest = *digest;
  out.salt = bytes.substr(0, 4);
  out.hash = *hash;
  return out.to_text();
}

}  // namespace user_store
