// The key set of auth.jwt.jwks: a file or a URL, read again every so often, and at once when a
// token names a key that is not in it. Keeps what it has when reading fails. [control]; the reading
// itself is done by workers, the fetching by an HTTP client on shard 0.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "emqx_auth_jwt/options.hpp"
#include "http_client/client.hpp"

namespace jwt {

class KeySetSource : public std::enable_shared_from_this<KeySetSource> {
 public:
  // Called after each attempt, and when request() is not answered by one: `changed` when keys() are
  // others than before.
  using Settled = std::function<void(bool changed)>;

  KeySetSource(keel::Host& host, const Options& options, Settled settled);

  // Reads a file here and now; for start and reload, which should say what is wrong with it.
  keel::Status read_now();
  // What the last version of the plugin had fetched.
  void adopt(const std::string& text);
  // Begins to read or fetch, unless that is under way.
  void refresh();
  // A token names an unknown key. At most every half a minute something is done about it; Settled
  // is called in any case.
  void request();
  // When the next request() can do something. On the clock of host().clock().mono_ms().
  std::int64_t next_request_ms() const { return next_request_ms_; }
  // Nothing is read or called any more.
  void close();

  const std::string& from() const { return from_; }
  const std::string& name() const { return name_; }  // the same, for people
  const std::vector<Key>& keys() const { return keys_; }
  const std::string& text() const { return text_; }  // as it was read last with success
  bool loaded() const { return loaded_ms_ >= 0; }
  std::int64_t age_s() const;                          // -1: never read
  const std::string& error() const { return error_; }  // of the last attempt; empty: it succeeded

 private:
  // A file as it was when it was read.
  struct Stamp {
    std::int64_t modified_ns = -1, size = -1;
    std::uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  struct Reading {
    bool unchanged = false;
    std::string text = {}, error = {};
    ReadKeys read = {};
    Stamp stamp = {};
  };

  static Reading parse(std::string text, const std::string& from);
  static Reading read_file(const std::string& path, const Stamp& last);
  static Reading response(const keel::Result<keel::http::Response>& answer,
                          const std::string& from);
  void read_by_worker();
  void fetch();
  void take(keel::Result<Reading> reading);
  // Puts what was read in force; true: these are other keys.
  bool keep(Reading reading);
  void schedule();

  keel::Host& host_;
  const std::string from_, name_, ca_;
  const std::int64_t refresh_ms_;
  Settled settled_;
  std::shared_ptr<keel::http::Client> client_;  // used and destroyed on shard 0
  keel::http::Url url_;
  keel::Timer timer_;
  bool busy_ = false, closed_ = false;
  std::vector<Key> keys_;
  std::string text_, error_;
  Stamp stamp_;
  std::int64_t loaded_ms_ = -1, next_request_ms_ = 0;
};

}  // namespace jwt
