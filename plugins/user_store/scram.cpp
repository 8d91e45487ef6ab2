#include "user_store/scram.hpp"

#include <keel/text.hpp>
#include <keel/utf8.hpp>

#include "user_store/crypto.hpp"
#include "user_store/text.hpp"

namespace user_store {
namespace {

constexpr std::uint64_t kMostScramIterations = 10'000'000;
constexpr std::size_t kMostMessage = 8192;

// "=2C" and "=3D" stand for ',' and '='; nothing else may follow a '='.
std::optional<std::string> decode_name(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      out += text[i];
      continue;
    }
    const std::string_view code = text.substr(i, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    out += code == "=2C" ? ',' : '=';
    i += 2;
  }
  if (out.empty() || !keel::is_utf8(out)) return std::nullopt;
  return out;
}

bool printable_nonce(std::string_view nonce) {
  for (const char c : nonce) {
    if (c < '!' || c > '~' || c == ',') return false;
  }
  return !nonce.empty();
}

// The value of "x=value"; null: another attribute.
std::optional<std::string_view> attribute(std::string_view text, char letter) {
  if (text.size() < 2 || text[0] != letter || text[1] != '=') return std::nullopt;
  return text.substr(2);
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string out(a);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(out[i] ^ b[i]);
  return out;
}

}  // namespace

std::optional<ScramVerifier> ScramVerifier::parse(std::string_view text) {
  const auto parts = split(text, ',');
  if (parts.size() != 4) return std::nullopt;
  const auto iterations = number(parts[0], kMostScramIterations);
  const auto salt = from_base64(parts[1]), stored = from_base64(parts[2]),
             server = from_base64(parts[3]);
  if (!iterations || *iterations == 0 || !salt || salt->empty() || !stored ||
      stored->size() != 32 || !server || server->size() != 32) {
    return std::nullopt;
  }
  return ScramVerifier{static_cast<std::uint32_t>(*iterations), *salt, *stored, *server};
}

std::string ScramVerifier::to_text() const {
  return keel::concat(iterations, ',', to_base64(salt), ',', to_base64(stored_key), ',',
                      to_base64(server_key));
}

ScramVerifier ScramVerifier::make(std::string_view password, std::string_view salt,
                                  std::uint32_t iterations) {
  std::string salted = pbkdf2(Digest::sha256, password, salt, iterations, 32);
  ScramVerifier out{iterations, std::string(salt), {}, {}};
  if (salted.empty()) return out;
  std::string client_key = hmac_sha256(salted, "Client Key");
  out.stored_key = hash(Digest::sha256, client_key);
  out.server_key = hmac_sha256(salted, "Server Key");
  wipe(client_key);
  wipe(salted);
  return out;
}

ScramVerifier ScramVerifier::fake(std::string_view secret, std::string_view name,
                                  std::uint32_t iterations) {
  return {iterations, hmac_sha256(secret, keel::concat("salt ", name)).substr(0, 16),
          random_bytes(32), random_bytes(32)};
}

ScramExchange::First ScramExchange::begin(std::string_view client_first) {
  const auto refused = [](const char* problem) { return First{{}, problem}; };
  if (client_first.size() > kMostMessage) return refused("the message is too long");
  const auto parts = split(client_first, ',');
  if (parts.size() < 4) return refused("not a client-first-message of SCRAM");
  // 'y': the client could bind to the channel, but sees that this server offers no such thing.
  if (parts[0].starts_with("p=")) return refused("channel binding is not supported");
  if (parts[0] != "n" && parts[0] != "y") return refused("not a client-first-message of SCRAM");
  const auto name = attribute(parts[2], 'n');
  const auto decoded = name ? decode_name(*name) : std::nullopt;
  if (parts[2].starts_with("m=")) return refused("it demands an extension that is not supported");
  if (!decoded) return refused("the message has no proper user name");
  if (!parts[1].empty()) {
    const auto acting_as = attribute(parts[1], 'a');
    if (!acting_as || decode_name(*acting_as) != decoded) {
      return refused("acting as somebody else is not supported");
    }
  }
  const auto nonce = attribute(parts[3], 'r');
  if (!nonce || !printable_nonce(*nonce)) return refused("the message has no proper nonce");
  header_ = keel::concat(parts[0], ',', parts[1], ',');
  bare_ = client_first.substr(header_.size());
  name_ = *decoded;
  nonce_ = *nonce;
  return {name_, {}};
}

std::string ScramExchange::challenge(ScramVerifier verifier, std::string_view nonce) {
  verifier_ = std::move(verifier);
  nonce_ += nonce;
  server_first_ =
      keel::concat("r=", nonce_, ",s=", to_base64(verifier_.salt), ",i=", verifier_.iterations);
  return server_first_;
}

std::optional<std::string> ScramExchange::finish(std::string_view client_final) const {
  if (server_first_.empty() || client_final.size() > kMostMessage) return std::nullopt;
  const std::size_t cut = client_final.rfind(",p=");
  if (cut == std::string_view::npos) return std::nullopt;
  const std::string_view without_proof = client_final.substr(0, cut);
  const auto proof = from_base64(client_final.substr(cut + 3));
  const auto parts = split(without_proof, ',');
  if (!proof || proof->size() != 32 || parts.size() < 2) return std::nullopt;
  const auto binding = attribute(parts[0], 'c');
  const auto nonce = attribute(parts[1], 'r');
  if (!binding || from_base64(*binding) != header_) return std::nullopt;
  if (!nonce || !equal(*nonce, nonce_)) return std::nullopt;

  const std::string message = keel::concat(bare_, ',', server_first_, ',', without_proof);
  const std::string signature = hmac_sha256(verifier_.stored_key, message);
  std::string client_key = exclusive_or(*proof, signature);
  const bool same = equal(hash(Digest::sha256, client_key), verifier_.stored_key);
  wipe(client_key);
  if (!same) return std::nullopt;
  return "v=" + to_base64(hmac_sha256(verifier_.server_key, message));
}

}  // namespace user_store
