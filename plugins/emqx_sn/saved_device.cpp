#include "emqx_sn/saved_device.hpp"

#include <keel/fields.hpp>

namespace sn {
namespace {

class Writer : public keel::FieldWriter {
 public:
  using FieldWriter::field, FieldWriter::FieldWriter;

  bool field(const keel::ProofPtr& proof) { return keel::write_proof(*this, proof); }
  bool field(const Client::Saved& client) {
    std::string blob;
    append(blob, client);
    return field(blob);
  }
};

class Reader : public keel::FieldReader {
 public:
  using FieldReader::field, FieldReader::FieldReader;

  bool field(keel::ProofPtr& proof) { return keel::read_proof(*this, proof); }
  bool field(bool& value) {
    std::uint8_t octet = 0;
    if (!field(octet) || octet > 1) return false;
    value = octet == 1;
    return true;
  }
  bool field(Client::Saved& client) {
    std::string blob;
    return field(blob) && read_saved(blob, client);
  }
};

template <class Io, class D>
bool fields(Io&& io, D& d) {
  return io.field(d.client) && io.field(d.session) && io.field(d.refused) &&
         io.field(d.generated) && io.field(d.proof) && io.field(d.listener) &&
         io.field(d.address) && io.field(d.wrapped) && io.field(d.node) && io.field(d.via);
}

}  // namespace

void append(std::string& blob, const SavedDevice& device) { fields(Writer(blob), device); }

bool read_saved(std::string_view blob, std::vector<SavedDevice>& out) {
  Reader reader(blob);
  while (!reader.at_end()) {
    if (!fields(reader, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace sn
