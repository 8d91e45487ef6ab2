#include "tests/unit/admin/support.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <future>
#include <regex>

#include "kernel/admin/ctl_protocol.hpp"
#include "kernel/base/bytes.hpp"

namespace keel::test {

using namespace kernel;

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "keel-admin-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::vector<std::string> lines_of_file(const std::string& file) {
  std::ifstream in(file);
  return lines_of(std::string(std::istreambuf_iterator<char>(in), {}));
}

bool matches(const std::string& text, const std::string& form) {
  return std::regex_match(text, std::regex(form));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Output run(const CommandTable& table, std::vector<std::string> arguments) {
  Output out;
  const CommandLine line = CommandLine::parse(std::move(arguments));
  Reply reply([&](std::string_view piece) { return out.text += piece, true; }, line.json);
  out.code = table.run(line.words, reply);
  reply.flush();
  if (Task then = reply.take_then()) then();
  return out;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket Socket::tcp(std::uint16_t port) {
  Socket out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(out.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return out;
}

Socket Socket::unix_path(const std::string& path) {
  Socket out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  REQUIRE(::connect(out.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return out;
}

bool Socket::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string Socket::read(std::size_t size) const {
  std::string out(size, '\0');
  std::size_t had = 0;
  while (had < size) {
    const ssize_t n = ::recv(fd_, out.data() + had, size - had, 0);
    if (n <= 0) break;
    had += static_cast<std::size_t>(n);
  }
  out.resize(had);
  return out;
}

std::string Socket::read_all() const {
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = ::recv(fd_, buffer.data(), buffer.size(), 0)) > 0;)
    out.append(buffer.data(), static_cast<std::size_t>(n));
  return out;
}

Output ask_socket(const std::string& path, const std::vector<std::string>& arguments) {
  const Socket socket = Socket::unix_path(path);
  std::string request = ctl_piece_header(static_cast<std::uint32_t>(arguments.size()));
  for (const auto& argument : arguments)
    request += ctl_piece_header(static_cast<std::uint32_t>(argument.size())) + argument;
  socket.send(request);
  Output out{Exit{99}, {}};
  while (true) {
    const std::string head = socket.read(4);
    if (head.size() < 4) return out;
    const std::uint32_t size = load_be32(head.data());
    if (size == kCtlEnd) {
      out.code = static_cast<Exit>(octet(socket.read(1).at(0)));
      return out;
    }
    out.text += socket.read(size);
  }
}

TestNode::TestNode(std::uint32_t shards, Settings settings)
    : shards_({.shards = shards}),
      settings_(std::move(settings)),
      started_(::time(nullptr)),
      realm(std::make_shared<const Settings>(settings_), shards_),
      admin(realm, *this) {
  for (std::uint32_t i = 0; i < shards_.size(); ++i) {
    brokers_.push_back(std::make_unique<Broker>(realm, shards_.shard(i)));
    realm.brokers.push_back(brokers_.back().get());
  }
  shards_.start();
  listeners_ = std::make_unique<ListenerSet>(
      shards_, [this](Link& link) { return brokers_[link.shard().index()]->accept(link); });
  settings_.listeners = {{.name = "mqtt", .bind = "127.0.0.1:0"}};
  const auto applied = listeners_->apply(settings_);
  REQUIRE_MESSAGE(applied, applied.error());
  const auto started = admin.start_ctl(dir.path());
  REQUIRE_MESSAGE(started, started.error());
  const auto http = admin.start_http(loop_.context(), "127.0.0.1:0");
  REQUIRE_MESSAGE(http, http.error());
  http_port = *http;
  control_ = std::thread([this] { loop_.run(); });
}

TestNode::~TestNode() {
  loop_.stop();
  control_.join();
  admin.stop();
  listeners_.reset();
  shards_.stop();
}

Socket TestNode::connect(const std::string& client_id, bool clean) {
  Socket socket = Socket::tcp(listeners_->bound("mqtt")->endpoint.port);
  std::string body("\0\4MQTT\4", 7);
  body += static_cast<char>(clean ? 2 : 0);
  body += std::string("\0\x3c", 2);
  body += static_cast<char>(client_id.size() >> 8);
  body += static_cast<char>(client_id.size());
  body += client_id;
  REQUIRE(body.size() < 128);
  REQUIRE(socket.send(std::string("\x10") + static_cast<char>(body.size()) + body));
  REQUIRE(socket.read(4).substr(0, 1) == "\x20");
  return socket;
}

void TestNode::subscribe(const Socket& client, const std::string& filter, std::uint8_t qos) {
  std::string body("\0\1", 2);
  body += static_cast<char>(filter.size() >> 8);
  body += static_cast<char>(filter.size());
  body += filter + static_cast<char>(qos);
  REQUIRE(body.size() < 128);
  REQUIRE(client.send(std::string("\x82") + static_cast<char>(body.size()) + body));
  REQUIRE(client.read(5).substr(0, 1) == "\x90");
}

void TestNode::on_shard(std::uint32_t index, const std::function<void(Broker&)>& fn) {
  std::promise<void> done;
  brokers_[index]->shard().post(Task([&] {
    fn(*brokers_[index]);
    done.set_value();
  }));
  done.get_future().wait();
}

Result<std::vector<std::string>> TestNode::check_settings(const std::string& file) {
  if (file == "bad.conf") return Error{"bad.conf:1:1: wrong\nbad.conf:2:1: worse"};
  return std::vector<std::string>{"looked at '" + file + "'"};
}

Result<ReloadReport> TestNode::reload_settings() {
  if (!reload_error.empty()) return Error{reload_error};
  return reload_report;
}

}  // namespace keel::test
