// Digests, keyed digests, key derivation and random bytes, as strings of bytes. OpenSSL and
// libsodium behind it, through functions that leave nothing behind: no handlers, no thread-local
// state of this plugin. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace user_store {

enum class Digest : std::uint8_t { md5, sha1, sha256, sha512 };

// "md5", "sha" or "sha1", "sha256", "sha512".
std::optional<Digest> digest_named(std::string_view name);
std::string_view digest_name(Digest digest);
std::size_t digest_size(Digest digest);

std::string hash(Digest digest, std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
// Empty: OpenSSL refuses it (no memory, no such size).
std::string pbkdf2(Digest digest, std::string_view password, std::string_view salt,
                   std::uint32_t iterations, std::size_t size);
// BLAKE2b with 32 bytes of key: 32 bytes.
std::string keyed_hash(std::string_view key, std::string_view bytes);

std::string random_bytes(std::size_t size);
// In constant time for texts of one length.
bool equal(std::string_view a, std::string_view b);
// Overwrites a secret that is no longer needed.
void wipe(std::string& secret);

// Must have succeeded before anything else here is used. [control]
bool crypto_ready();

}  // namespace user_store
