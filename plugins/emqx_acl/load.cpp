#include "emqx_acl/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "emqx_acl/printable.hpp"

namespace emqx_acl {
namespace {

// By the first letter that is no blank: a comment or a tuple of Erlang's, which TOML cannot begin
// with.
bool looks_like_erlang(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '%' || text[first] == '{');
}

std::uint32_t line_of_bad_text(std::string_view text) {
  std::uint32_t line = 1;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('\n'));
    if (!valid_text(one)) return line;
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    ++line;
  }
  return 0;
}

std::string shown(const Fault& fault, std::string_view file) {
  std::string out(file);
  if (fault.at.line != 0) out += keel::concat(':', fault.at.line);
  if (fault.at.column != 0) out += keel::concat(':', fault.at.column);
  out += ": ";
  if (fault.rule != 0) out += keel::concat("rule ", fault.rule, ": ");
  return out + fault.text;
}

struct Descriptor {
  explicit Descriptor(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  const int fd;
};

keel::Status unreadable(const std::string& path, std::string_view why) {
  return keel::Status::error(keel::concat(path, ": ", why), KEEL_E_IO);
}

}  // namespace

std::string_view dialect_name(Dialect dialect) {
  return dialect == Dialect::toml ? "TOML" : "Erlang terms";
}

keel::Result<Rules> load_rules(std::string_view text, std::string_view file) {
  try {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    if (text.size() > kMostBytes) throw Fault{{}, "longer than 16 MiB; split what it rules"};
    if (const std::uint32_t line = line_of_bad_text(text)) {
      throw Fault{{line, 0}, "not UTF-8 text; save the file as UTF-8"};
    }
    const Dialect dialect = looks_like_erlang(text) ? Dialect::erlang : Dialect::toml;
    std::vector<Rule> rules = dialect == Dialect::erlang ? read_erlang(text) : read_toml(text);
    return Rules(std::make_shared<const RuleSet>(std::move(rules), dialect));
  } catch (const Fault& fault) {
    return keel::Status::error(shown(fault, file));
  }
}

keel::Result<Rules> load_file(const std::string& path) {
  const Descriptor file(path);
  struct stat about {};
  if (file.fd < 0 || ::fstat(file.fd, &about) != 0) {
    return unreadable(path, keel::concat("cannot be read: ", std::strerror(errno),
                                         "; put the rules there, or let acl.file name the file"));
  }
  if (!S_ISREG(about.st_mode)) return unreadable(path, "is no file; let acl.file name one");
  std::string text;
  char buffer[65'536];
  for (ssize_t n; (n = ::read(file.fd, buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(path, keel::concat("cannot be read: ", std::strerror(errno)));
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kMostBytes) break;  // load_rules() refuses it
  }
  return load_rules(text, path);
}

}  // namespace emqx_acl
