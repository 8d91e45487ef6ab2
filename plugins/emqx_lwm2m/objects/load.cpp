#include "emqx_lwm2m/objects/load.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <keel/text.hpp>
#include <keel/utf8.hpp>
#include <optional>
#include <pugixml.hpp>
#include <set>

#include "emqx_lwm2m/format/number.hpp"

namespace lwm2m {
namespace {

using keel::concat;

constexpr std::size_t kMaxFile = 1u << 20, kMaxFiles = 4096;
// Of the texts of a definition, which are kept.
constexpr std::size_t kMaxName = 256, kMaxDescription = 1024;
constexpr std::size_t kMaxWarnings = 10;  // of one file
constexpr std::uint16_t kMaxId = 65'534;
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

// What an element says, whatever it is made of.
std::string text_of(const pugi::xml_node& parent, const char* element,
                    std::size_t most = kMaxName) {
  std::string out;
  for (const pugi::xml_node part : parent.child(element).children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) out += part.value();
  }
  out = cut(trim(out), most);
  return keel::is_utf8(out) ? out : std::string();
}

bool is_word(std::string_view text, std::string_view word) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

// Reads one file.
class Reader {
 public:
  Reader(std::string_view file, Definitions& out, std::vector<std::string>& warnings)
      : file_(file), out_(out), warnings_(warnings) {}
  ~Reader() {
    if (count_ > kMaxWarnings) {
      warnings_.push_back(concat(file_, ": and ", count_ - kMaxWarnings, " more of that kind"));
    }
  }

  bool read(std::string_view xml) {
    if (xml.size() > kMaxFile) return broken("is larger than 1 MiB");
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(xml.data(), xml.size(), pugi::parse_default | pugi::parse_doctype);
    for (const pugi::xml_node node : document.children()) {
      if (node.type() == pugi::node_doctype) return broken("has a DOCTYPE, which is not read");
    }
    if (!parsed) {
      return broken(concat("is no XML: ", parsed.description(), ", at octet ", parsed.offset));
    }
    const pugi::xml_node root = document.child("LWM2M");
    if (!root.child("Object")) return broken("has no LWM2M element with an Object in it");
    for (const pugi::xml_node object : root.children("Object")) read_object(object);
    return true;
  }

 private:
  template <class... A>
  void warn(const A&... parts) {
    if (++count_ <= kMaxWarnings) warnings_.push_back(concat(file_, ": ", parts...));
  }
  bool broken(std::string_view what) {
    warn(what, "; the file is left out");
    return false;
  }

  void read_object(const pugi::xml_node& node) {
    ObjectDefinition object;
    const std::string id = text_of(node, "ObjectID");
    const auto number = parse_integer<std::uint16_t>(id);
    if (!number || *number > kMaxId) {
      return warn("ObjectID '", id, "' is no number from 0 to 65534; the object is left out");
    }
    object.id = *number;
    where_ = concat("object ", object.id);
    object.name = text_of(node, "Name");
    object.urn = text_of(node, "ObjectURN");
    object.description = text_of(node, "Description1", kMaxDescription);
    object.file = file_;
    object.multiple = flag(node, "MultipleInstances", "Multiple", "Single");
    object.mandatory = flag(node, "Mandatory", "Mandatory", "Optional");
    if (!read_version(node, object.version)) return;
    seen_.clear();
    for (const pugi::xml_node item : node.child("Resources").children("Item")) {
      read_resource(object, item);
    }
    add(std::move(object));
  }

  bool read_version(const pugi::xml_node& node, std::string& out) {
    const std::string version = text_of(node, "ObjectVersion");
    if (version.empty()) return true;
    const std::size_t dot = std::min(version.find('.'), version.size());
    const std::string_view minor =
        dot < version.size() ? std::string_view(version).substr(dot + 1) : "0";
    const auto major_number =
        parse_integer<std::uint16_t>(std::string_view(version).substr(0, dot));
    const auto minor_number = parse_integer<std::uint16_t>(minor);
    if (!major_number || !minor_number) {
      warn(where_, ": '", version, "' is no version such as 1.0; the object is left out");
      return false;
    }
    out = concat(*major_number, '.', *minor_number);
    return true;
  }

  void read_resource(ObjectDefinition& object, const pugi::xml_node& item) {
    const std::string_view id = trim(item.attribute("ID").value());
    const auto number = parse_integer<std::uint16_t>(id);
    if (!number || *number > kMaxId) {
      return warn(where_, ": resource '", keel::is_utf8(id) ? id : "", "' is no number from 0 to ",
                  kMaxId, "; it is left out");
    }
    where_ = concat("resource /", object.id, "/*/", *number);
    ResourceDefinition resource;
    resource.id = *number;
    if (read_operations(item, resource) && read_type(item, resource)) {
      resource.name = text_of(item, "Name");
      resource.range = text_of(item, "RangeEnumeration");
      resource.units = text_of(item, "Units");
      resource.description = text_of(item, "Description", kMaxDescription);
      resource.multiple = flag(item, "MultipleInstances", "Multiple", "Single");
      resource.mandatory = flag(item, "Mandatory", "Mandatory", "Optional");
      if (!seen_.insert(*number).second) warn(where_, " is there twice; the last counts");
      object.resources.push_back(std::move(resource));
    }
    where_ = concat("object ", object.id);
  }

  // Of resources that only bootstrap servers write there are none.
  bool read_operations(const pugi::xml_node& item, ResourceDefinition& out) {
    const std::string text = text_of(item, "Operations");
    out.executable = is_word(text, "E");
    const bool both = is_word(text, "RW") || is_word(text, "WR");
    out.readable = both || is_word(text, "R");
    out.writable = both || is_word(text, "W");
    if (out.executable || out.readable || out.writable || text.empty()) return true;
    warn(where_, ": '", text, "' is none of the operations R, W, RW and E; it is left out");
    return false;
  }

  bool read_type(const pugi::xml_node& item, ResourceDefinition& out) {
    if (out.executable) return true;
    const std::string text = text_of(item, "Type");
    const auto type = parse_data_type(text);
    if (type && *type != DataType::none) {
      out.type = *type;
      return true;
    }
    warn(where_, ": '", text, "' is no data type; it is left out");
    return false;
  }

  bool flag(const pugi::xml_node& node, const char* element, std::string_view yes,
            std::string_view no) {
    const std::string text = text_of(node, element);
    if (is_word(text, yes)) return true;
    if (!text.empty() && !is_word(text, no)) {
      warn(where_, ": ", element, " '", text, "' is taken for ", no);
    }
    return false;
  }

  void add(ObjectDefinition object) {
    const ObjectDefinition* const old = out_.find(object.id, object.version);
    if (old && old->version == object.version) {
      warn(where_, " ", object.version, " stands in ", old->file, ", too; this one counts");
    }
    out_.add(std::move(object));
  }

  const std::string file_;
  Definitions& out_;
  std::vector<std::string>& warnings_;
  std::string where_;
  std::set<std::uint16_t> seen_;  // resources of this object
  std::size_t count_ = 0;         // of warnings
};

// A little more than may be, so that what is too large shows. Empty: all is well.
std::string read_from(int fd, std::string& out) {
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "it is no file";
  out.resize(kMaxFile + 1);
  std::size_t size = 0;
  while (size < out.size()) {
    const ssize_t got = ::read(fd, out.data() + size, out.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::strerror(errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  out.resize(size);
  return {};
}

std::string read_file(const std::string& path, std::string& out) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  const std::string error = read_from(fd, out);
  if (fd >= 0) ::close(fd);
  return error;
}

// Names of object files, in order; nothing: there is no such directory.
std::optional<std::vector<std::string>> list(const std::string& directory) {
  DIR* const open = ::opendir(directory.c_str());
  if (!open) return std::nullopt;
  std::vector<std::string> out;
  while (const dirent* const entry = ::readdir(open)) {
    const std::string_view name = entry->d_name;
    if (name.size() > 4 && name[0] != '.' && is_word(name.substr(name.size() - 4), ".xml")) {
      out.emplace_back(name);
    }
  }
  ::closedir(open);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

bool parse_objects(std::string_view xml, std::string_view file, Definitions& out,
                   std::vector<std::string>& warnings) {
  return Reader(file, out, warnings).read(xml);
}

LoadedObjects load_objects(const std::string& directory) {
  LoadedObjects out;
  auto definitions = std::make_shared<Definitions>();
  out.definitions = definitions;
  if (directory.empty()) return out;
  errno = 0;
  const auto names = list(directory);
  if (!names) {
    out.warnings.push_back(concat(directory, " cannot be read (", std::strerror(errno),
                                  "): no object is known; set lwm2m.xml_dir"));
    return out;
  }
  if (names->empty()) {
    out.warnings.push_back(concat(directory, " has no *.xml in it: no object is known"));
  }
  for (const std::string& name : *names) {
    if (&name - names->data() == kMaxFiles) {
      out.warnings.push_back(concat(directory, " has more than ", kMaxFiles, " files; those from ",
                                    name, " on are left out"));
      break;
    }
    const std::string path = concat(directory, '/', name);
    std::string xml;
    if (const std::string error = read_file(path, xml); !error.empty()) {
      out.warnings.push_back(concat(path, ": cannot be read (", error, "); the file is left out"));
      continue;
    }
    parse_objects(xml, path, *definitions, out.warnings);
  }
  return out;
}

}  // namespace lwm2m
