// Keys and certificates for the TLS tests, made once per process in a temporary directory:
//   ca.pem            the authority             server.pem/.key   for 127.0.0.1 and localhost,
//   serial 2 server2.pem/.key  a successor, serial 3     client.pem/.key   CN=alice,
//   SAN=alice.example.org revoked.pem/.key  on crl.pem                stranger.pem/.key of an
//   authority nobody trusts crl.pem           lists revoked.pem         crl-empty.pem     lists
//   nothing psk.txt           one identity: sensor1 with the key kPskKey
#pragma once

#include <filesystem>

namespace keel::test {

inline constexpr const char* kPskKey = "00112233445566778899aabbccddeeff";

const std::filesystem::path& certificates();

}  // namespace keel::test
