#include "kernel/admin/ctl_server.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernel/admin/ctl_protocol.hpp"
#include "kernel/base/log.hpp"

namespace keel::kernel {
namespace {

constexpr timeval kReceiveTimeout{10, 0};
constexpr timeval kSendTimeout{30, 0};

// False: the reader is gone, or took nothing for kSendTimeout.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void refuse(int fd, std::string_view text) {
  const std::string line = fmt::format("{}\n", text);
  send_all(fd, ctl_piece_header(static_cast<std::uint32_t>(line.size())) + line +
                   ctl_end(static_cast<std::uint8_t>(Exit::error)));
  // Closing over unread bytes would reset the connection and take the text with it.
  ::shutdown(fd, SHUT_WR);
  std::array<char, 4096> rest;
  for (int i = 0; i < 1024 && ::recv(fd, rest.data(), rest.size(), 0) > 0; ++i) {
  }
}

// Whether somebody is still connected; one that only says no more counts.
bool connected(int fd) {
  pollfd peer{fd, 0, 0};
  return ::poll(&peer, 1, 0) == 0;
}

// Root and the broker's own user may steer it.
bool admitted(int fd, std::uint32_t& uid) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  uid = peer.uid;
  return uid == 0 || uid == ::geteuid();
}

Error system_error(const std::string& what) {
  return Error{fmt::format("{}: {}", what, std::strerror(errno))};
}

// Removes a socket that an earlier broker left; anything else in its place is somebody's file.
Result<void> clear_path(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return system_error(fmt::format("cannot look at '{}'", path));
  }
  if (!S_ISSOCK(found.st_mode))
    return Error{
        fmt::format("'{}' is in the way of the ctl socket and is no socket; move it", path)};
  if (::unlink(path.c_str()) != 0)
    return system_error(fmt::format("cannot replace the old ctl socket '{}'", path));
  return {};
}

// Requests are no place for signals: they belong to the control thread.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

Result<void> CtlServer::start(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{
        fmt::format("the path of the ctl socket '{}' is longer than {} bytes; choose a "
                    "shorter kernel.data_dir",
                    path, sizeof address.sun_path - 1)};
  std::memcpy(address.sun_path, path.data(), path.size());
  if (auto cleared = clear_path(path); !cleared) return cleared;
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener_ < 0) return system_error("cannot make the ctl socket");
  // Nobody can connect before listen(), so the mode is right from the first moment.
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listener_, kBacklog) != 0) {
    const Error error = system_error(fmt::format("cannot listen on the ctl socket '{}'", path));
    ::close(std::exchange(listener_, -1));
    return error;
  }
  path_ = path;
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  stopping_ = false;
  const SignalsBlocked blocked;
  acceptor_ = std::thread([this] { accept_loop(); });
  return {};
}

void CtlServer::stop() {
  if (!acceptor_.joinable()) return;
  stopping_ = true;
  ::eventfd_write(wake_, 1);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (Request& request : requests_) {
      if (request.fd >= 0) ::shutdown(request.fd, SHUT_RDWR);
    }
  }
  // The acceptor has gone, so the list changes no more.
  for (Request& request : requests_) request.thread.join();
  requests_.clear();
  ::close(std::exchange(listener_, -1));
  ::close(std::exchange(wake_, -1));
  ::unlink(path_.c_str());
}

// Named, and with it the threads of the commands, so that a plugin that is being loaded meanwhile
// is not taken for the one that started them.
void CtlServer::accept_loop() {
  ::pthread_setname_np(::pthread_self(), "keel/ctl");
  std::array<pollfd, 2> watched{{{listener_, POLLIN, 0}, {wake_, POLLIN, 0}}};
  while (!stopping_) {
    // Whoever is too many waits in the backlog; poll() overlooks negative descriptors.
    watched[0].fd = requests_.size() < kMaxRequests ? listener_ : -1;
    if (::poll(watched.data(), watched.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (watched[1].revents != 0) {
      eventfd_t ended = 0;
      ::eventfd_read(wake_, &ended);
      reap();
    }
    if (watched[0].revents != 0 && !stopping_) accept_one();
  }
}

void CtlServer::reap() {
  const std::lock_guard lock(mutex_);
  for (auto at = requests_.begin(); at != requests_.end();) {
    if (!at->finished.load(std::memory_order_acquire)) {
      ++at;
      continue;
    }
    at->thread.join();
    at = requests_.erase(at);
  }
}

void CtlServer::accept_one() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) {
    // Out of descriptors: the connection stays in the queue, and poll() would spin on it.
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      pollfd wake{wake_, POLLIN, 0};
      ::poll(&wake, 1, 100);
    }
    return;
  }
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  const std::lock_guard lock(mutex_);
  Request& request = requests_.emplace_back();
  request.fd = fd;
  try {
    request.thread = std::thread([this, &request] { serve(request); });
  } catch (const std::system_error& error) {
    KEEL_LOG(error, "ctl: no thread for a command: {}", error.what());
    ::close(fd);
    requests_.pop_back();
  }
}

void CtlServer::serve(Request& request) {
  const int fd = request.fd;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReceiveTimeout, sizeof kReceiveTimeout);
  std::uint32_t uid = 0;
  if (!admitted(fd, uid)) {
    KEEL_LOG(warning, "ctl: refused uid {}", uid);
    refuse(fd, fmt::format("uid {} may not steer this broker; run ctl as root or as uid {}", uid,
                           ::geteuid()));
  } else {
    CtlRequestReader reader;
    auto state = CtlRequestReader::State::more;
    std::array<char, 8192> bytes;
    while (state == CtlRequestReader::State::more) {
      const ssize_t n = ::recv(fd, bytes.data(), bytes.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      state = reader.feed({bytes.data(), static_cast<std::size_t>(n)});
    }
    if (state == CtlRequestReader::State::done) answer(fd, reader.take_arguments());
    if (state == CtlRequestReader::State::bad) refuse(fd, reader.error());
  }
  {
    const std::lock_guard lock(mutex_);
    request.fd = -1;
    ::close(fd);
  }
  request.finished.store(true, std::memory_order_release);
  ::eventfd_write(wake_, 1);
}

void CtlServer::answer(int fd, std::vector<std::string> arguments) {
  const CommandLine line = CommandLine::parse(std::move(arguments));
  Reply reply(
      [fd](std::string_view piece) {
        return send_all(fd, ctl_piece_header(static_cast<std::uint32_t>(piece.size()))) &&
               send_all(fd, piece);
      },
      line.json, [fd] { return connected(fd); });
  const Exit code = commands_.run(line.words, reply);
  reply.flush();
  if (reply.alive()) send_all(fd, ctl_end(static_cast<std::uint8_t>(code)));
  if (Task then = reply.take_then()) then();
}

}  // namespace keel::kernel
