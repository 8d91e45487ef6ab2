// A listener of the settings: its address, its sockets on the shards, and what new connections get.
// Belongs to the control thread, which reaches into the shards by posting and waiting.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/base/address.hpp"
#include "kernel/net/acceptor.hpp"
#include "kernel/net/admission.hpp"
#include "kernel/net/shard_set.hpp"

namespace keel::kernel {

class Listener {
 public:
  struct Options {
    ListenerSettings settings;
    BindAddress address;
    AcceptOffer offer;  // `offer.info` belongs to `settings`
  };

  // Options without TLS and factory. Errors name the key.
  static Result<Options> plan(const ListenerSettings& settings, std::string_view default_address,
                              const Limits& limits, std::shared_ptr<ListenerState> state);

  Listener(ShardSet& shards, Options options);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  const Options& options() const { return options_; }
  const ListenerSettings& settings() const { return options_.settings; }
  ListenerState& state() const { return *options_.offer.info->state; }
  bool running() const { return !acceptors_.empty(); }
  BindAddress bound() const { return bound_; }  // as asked for while it does not run

  // Opens the sockets and accepts, unless it is to be parked.
  Result<void> start();
  // Parked: sockets are open or will be, and nobody is accepted. When park() returns nobody is any
  // more.
  void park();
  void resume();
  bool parked() const { return parked_; }
  // When it returns the sockets are closed; connections stay.
  void stop();
  // Gives new options to a listener that keeps its address. Connections accepted after it have
  // them.
  void update(Options options);
  // Whether `other` needs another socket than the one there is.
  bool same_socket(const Options& other) const;

 private:
  Result<void> open_sockets();
  void on_home(const std::shared_ptr<Acceptor>& acceptor, std::function<void(Acceptor&)> what);

  ShardSet& shards_;
  Options options_;
  BindAddress bound_;
  bool parked_ = false;
  std::vector<int> fds_;  // for adjusting; owned by the acceptors
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
  std::uint64_t socket_file_[2] = {};  // device and inode of the Unix socket
};

}  // namespace keel::kernel
