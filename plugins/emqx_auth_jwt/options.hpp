// The plugin's settings, read and checked; and what shards go by: settings and keys together,
// replaced as one. Immutable once made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "emqx_auth_jwt/claims.hpp"
#include "emqx_auth_jwt/key_set.hpp"
#include "keel/host.hpp"

namespace jwt {

struct Options {
  bool from_username = false;
  std::size_t max_token = 8 * 1024;
  std::uint32_t max_pending = 1000;
  bool disconnect_at_expiry = true;
  Algorithms algorithms = Algorithms::all();
  ClaimRules claims = {};
  std::vector<Key> keys = {};   // of settings and their files
  std::string key_set = {};     // a path or URL; empty: none
  std::string key_set_ca = {};  // a path; empty: the system's
  std::int64_t refresh_ms = 300'000;

  bool key_set_is_url() const { return is_url(key_set); }
  static bool is_url(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
  }
};

// Reads them, and the key files they name. What is wrong is reported with its place in the file.
// [control]
keel::Result<Options> read_options(const keel::Host& host);

// A small regular file, whole. May block.
keel::Result<std::string> read_small_file(const std::string& path, std::size_t max_size);

struct Policy {
  Options options;
  KeySet keys;               // the settings' and the key set's
  bool key_set_due = false;  // a key set is named, and has never been read
};
using PolicyPtr = std::shared_ptr<const Policy>;

}  // namespace jwt
