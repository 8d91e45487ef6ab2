#include "emqx_lwm2m/gateway/saved_resident.hpp"

#include <keel/fields.hpp>

namespace lwm2m {
namespace {

constexpr std::uint32_t kMostUnsaid = 100'000;

class Writer : public keel::FieldWriter {
 public:
  using FieldWriter::field, FieldWriter::FieldWriter;

  bool field(const keel::ProofPtr& proof) { return keel::write_proof(*this, proof); }
  bool field(const Device::Saved& device) {
    std::string blob;
    append(blob, device);
    return field(blob);
  }
  bool field(const std::vector<std::pair<Topic, std::string>>& unsaid) {
    field(static_cast<std::uint32_t>(unsaid.size()));
    for (const auto& [topic, payload] : unsaid) field(topic) && field(payload);
    return true;
  }
};

class Reader : public keel::FieldReader {
 public:
  using FieldReader::field, FieldReader::FieldReader;

  bool field(keel::ProofPtr& proof) { return keel::read_proof(*this, proof); }
  bool field(Device::Saved& device) {
    std::string blob;
    return field(blob) && read_saved(blob, device);
  }
  bool field(std::vector<std::pair<Topic, std::string>>& unsaid) {
    std::uint32_t left = 0;
    if (!field(left) || left > kMostUnsaid) return false;
    for (; left != 0; --left) {
      auto& [topic, payload] = unsaid.emplace_back();
      if (!field(topic) || topic > Topic::deregistered || !field(payload)) return false;
    }
    return true;
  }
};

template <class Io, class R>
bool fields(Io&& io, R& r) {
  return io.field(r.device) && io.field(r.session) && io.field(r.proof) && io.field(r.listener) &&
         io.field(r.address) && io.field(r.via) && io.field(r.unsaid);
}

}  // namespace

void append(std::string& blob, const SavedResident& resident) { fields(Writer(blob), resident); }

bool read_saved(std::string_view blob, SavedResident& out) {
  Reader reader(blob);
  return fields(reader, out) && reader.at_end();
}

bool read_saved(std::string_view blob, std::vector<SavedResident>& out) {
  Reader reader(blob);
  while (!reader.at_end()) {
    if (!fields(reader, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace lwm2m
