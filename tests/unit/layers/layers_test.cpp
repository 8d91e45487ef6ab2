// A folder of the kernel includes only folders below it, a library only the module it belongs to.
#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/unit/layers/source_tree.hpp"

namespace keel::test {
namespace {

using Edges = std::map<std::string, std::set<std::string>>;

// What each folder may include besides itself; the README of the kernel draws the picture.
const Edges kAllowed{
    {"base", {}},
    {"codec", {"base"}},
    {"config", {"base", "router"}},
    {"net", {"base", "codec"}},
    {"router", {"base", "codec"}},
    {"retained", {"base", "codec"}},
    {"session", {"base", "codec", "router"}},
    {"durable", {"base", "codec", "router", "session"}},
    {"broker", {"base", "codec", "net", "router", "retained", "session", "durable"}},
    {"plugin",
     {"base", "codec", "config", "net", "router", "retained", "session", "durable", "broker"}},
    {"admin",
     {"base", "codec", "config", "net", "router", "retained", "session", "durable", "broker",
      "plugin"}},
    {"program",
     {"base", "codec", "config", "net", "router", "retained", "session", "durable", "broker",
      "plugin", "admin"}},
    {"main",
     {"base", "codec", "config", "net", "router", "retained", "session", "durable", "broker",
      "plugin", "admin", "program"}},
};

// Headers of libraries, and the only files that may see them.
struct Library {
  const char* header;
  const char* users;
};
const Library kLibraries[]{
    {R"(^asio(\.hpp|/))", R"(^kernel/(net|admin)/.*\.cpp$)"},
    {R"(^toml\+\+/|^toml\.hpp$)", R"(^kernel/config/.*\.cpp$)"},
    {R"(^spdlog/)", R"(^kernel/base/log\w*\.cpp$)"},
    {R"(^openssl/)", R"(^kernel/net/.*\.cpp$)"},
    {R"(^boost/)", R"(^kernel/plugin/library\.cpp$)"},
};

// kernel/<folder>/... -> <folder>; a file of kernel/ itself belongs to main.
std::string folder_of(const std::string& path) {
  if (path.rfind("kernel/", 0) != 0) return {};
  const auto slash = path.find('/', 7);
  return slash == std::string::npos ? "main" : path.substr(7, slash - 7);
}

std::string violation(const std::string& path, const std::string& header) {
  const std::string from = folder_of(path);
  const std::string to = folder_of(header);
  if (!from.empty()) {
    const auto allowed = kAllowed.find(from);
    if (allowed == kAllowed.end()) return "kernel/" + from + " has no place in the layers";
    if (!to.empty() && to != from && !allowed->second.contains(to))
      return "kernel/" + from + " may not include kernel/" + to;
    for (const Library& library : kLibraries)
      if (std::regex_search(header, std::regex(library.header)) &&
          !std::regex_search(path, std::regex(library.users)))
        return "only " + std::string(library.users) + " may include <" + header + ">";
  }
  const bool beyond_the_boundary = path.rfind("plugins/", 0) == 0 || path.rfind("sdk/", 0) == 0;
  if (beyond_the_boundary && !to.empty()) return "plugins and SDK see keel/..., never the kernel";
  return {};
}

TEST_CASE("no include points upwards or at somebody else's library") {
  std::size_t includes = 0;
  for (const SourceFile& file : read_sources()) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string header = included(file.lines[i]);
      if (header.empty()) continue;
      ++includes;
      const std::string why = violation(file.path, header);
      if (!why.empty()) FAIL_CHECK(file.path << ":" << i + 1 << ": " << why);
    }
  }
  CHECK(includes > 100);  // else the scan itself is broken
}

TEST_CASE("the check sees what it has to") {
  CHECK(included("  #  include \"kernel/net/shard.hpp\"") == "kernel/net/shard.hpp");
  CHECK(included("#include <asio/ip/tcp.hpp>  // why") == "asio/ip/tcp.hpp");
  CHECK(included("// #include <asio.hpp>").empty());

  CHECK(violation("kernel/codec/decoder.cpp", "kernel/base/bytes.hpp").empty());
  CHECK(violation("kernel/main.cpp", "kernel/admin/ctl_server.hpp").empty());
  CHECK(violation("kernel/net/listener.cpp", "asio/ip/tcp.hpp").empty());
  CHECK(violation("tests/unit/net/a_test.cpp", "asio.hpp").empty());

  CHECK_FALSE(violation("kernel/base/task.hpp", "kernel/codec/packet.hpp").empty());
  CHECK_FALSE(violation("kernel/session/session.hpp", "kernel/net/link.hpp").empty());
  CHECK_FALSE(violation("kernel/admin/ctl.cpp", "kernel/main.hpp").empty());
  CHECK_FALSE(violation("kernel/extra/a.cpp", "kernel/base/task.hpp").empty());
  CHECK_FALSE(violation("kernel/net/listener.hpp", "asio/ip/tcp.hpp").empty());
  CHECK_FALSE(violation("kernel/broker/broker.cpp", "toml++/toml.h").empty());
  CHECK_FALSE(violation("kernel/net/shard.cpp", "spdlog/spdlog.h").empty());
  CHECK_FALSE(violation("kernel/admin/http.cpp", "openssl/ssl.h").empty());
  CHECK_FALSE(violation("kernel/plugin/slot.cpp", "boost/dll.hpp").empty());
  CHECK_FALSE(violation("plugins/emqx_ws/plugin.cpp", "kernel/base/task.hpp").empty());
}

}  // namespace
}  // namespace keel::test
