#include "emqx_lwm2m/device/packed_registration.hpp"

#include <limits>

namespace lwm2m {
namespace {

constexpr char kFormat = 1;  // the first octet
constexpr std::uint64_t kQueueFlag = 1, kBinding = 2, kSms = 4;

// Numbers in groups of seven bits, the lowest first; texts behind their length.
class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) {}

  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  void text(std::string_view text) {
    number(text.size());
    out_ += text;
  }

 private:
  std::string& out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view in) : in_(in) {}

  bool good() const { return good_; }
  bool done() const { return good_ && in_.empty(); }

  template <class T = std::uint64_t>
  T number() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 63 && !in_.empty(); shift += 7) {
      const auto octet = static_cast<unsigned char>(in_.front());
      in_.remove_prefix(1);
      out |= std::uint64_t{octet & 0x7fu} << shift;
      if (octet < 0x80) {
        good_ = good_ && out <= std::numeric_limits<T>::max();
        return good_ ? static_cast<T>(out) : T{};
      }
    }
    good_ = false;
    return {};
  }
  std::string_view text() {
    const auto size = number();
    good_ = good_ && size <= in_.size();
    if (!good_) return {};
    const std::string_view out = in_.substr(0, size);
    in_.remove_prefix(size);
    return out;
  }
  // Of something that takes an octet each, at least.
  std::size_t count() {
    const auto out = number();
    good_ = good_ && out <= in_.size();
    return good_ ? out : 0;
  }

 private:
  std::string_view in_;
  bool good_ = true;
};

ObjectVersions versions_of(Unpacker& in) {
  ObjectVersions out(in.count());
  for (auto& [object, version] : out) {
    object = in.number<std::uint16_t>();
    version = in.text();
  }
  return out;
}

bool unpack(std::string_view text, Registration& out) {
  if (text.empty() || text.front() != kFormat) return false;
  Unpacker in(text.substr(1));
  out.endpoint = in.text();
  out.versions = versions_of(in);
  out.lifetime_s = in.number<std::uint32_t>();
  out.version = in.text();
  const auto flags = in.number();
  out.queue_flag = flags & kQueueFlag;
  if (flags & kBinding) out.binding = in.text();
  if (flags & kSms) out.sms = in.text();
  out.alternate_path = in.text();
  out.formats.resize(in.count());
  for (auto& format : out.formats) format = in.number<std::uint16_t>();
  out.objects.resize(in.count());
  for (auto& object : out.objects) object = in.text();
  out.others.resize(in.count());
  for (auto& [name, value] : out.others) {
    name = in.text();
    value = in.text();
  }
  return in.done();
}

}  // namespace

PackedRegistration::PackedRegistration(const Registration& registration) {
  const Registration& r = registration;
  std::string out(1, kFormat);
  Packer to(out);
  to.text(r.endpoint);
  to.number(r.versions.size());
  for (const auto& [object, version] : r.versions) {
    to.number(object);
    to.text(version);
  }
  to.number(r.lifetime_s);
  to.text(r.version);
  to.number((r.queue_flag ? kQueueFlag : 0) | (r.binding ? kBinding : 0) | (r.sms ? kSms : 0));
  if (r.binding) to.text(*r.binding);
  if (r.sms) to.text(*r.sms);
  to.text(r.alternate_path);
  to.number(r.formats.size());
  for (const auto format : r.formats) to.number(format);
  to.number(r.objects.size());
  for (const auto& object : r.objects) to.text(object);
  to.number(r.others.size());
  for (const auto& [name, value] : r.others) {
    to.text(name);
    to.text(value);
  }
  text_ = std::string(out);  // without what it was grown by
}

std::optional<PackedRegistration> PackedRegistration::from(std::string_view text) {
  Registration registration;
  if (!lwm2m::unpack(text, registration)) return std::nullopt;
  PackedRegistration out;
  out.text_ = text;
  return out;
}

std::string_view PackedRegistration::endpoint() const {
  return Unpacker(std::string_view(text_).substr(1)).text();
}

ObjectVersions PackedRegistration::versions() const {
  Unpacker in(std::string_view(text_).substr(1));
  in.text();
  return versions_of(in);
}

Registration PackedRegistration::unpack() const {
  Registration out;
  lwm2m::unpack(text_, out);
  return out;
}

}  // namespace lwm2m
