#include "emqx_sn/saved_device.hpp"

#include <cstring>
#include <type_traits>

namespace sn {
namespace {

// The two go through the same fields; both run in the same process.
struct Writer {
  std::string& out;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
    return true;
  }
  bool field(const std::string& text) {
    field(static_cast<std::uint32_t>(text.size()));
    out += text;
    return true;
  }
  bool field(const ProofPtr& proof) {
    field(proof != nullptr);
    return !proof || fields(*proof);
  }
  bool field(const Client::Saved& client) {
    std::string blob;
    append(blob, client);
    return field(blob);
  }
  bool fields(const Proof& proof) {
    return field(proof.cn) && field(proof.san) && field(proof.dn) && field(proof.psk_identity) &&
           field(proof.tls_version) && field(proof.cipher);
  }
};

struct Reader {
  std::string_view in;

  template <class T>
  requires std::is_trivially_copyable_v<T>
  bool field(T& value) {
    if (in.size() < sizeof value) return false;
    std::memcpy(static_cast<void*>(&value), in.data(), sizeof value);
    in.remove_prefix(sizeof value);
    return true;
  }
  bool field(std::string& text) {
    std::uint32_t size = 0;
    if (!field(size) || in.size() < size) return false;
    text.assign(in.substr(0, size));
    in.remove_prefix(size);
    return true;
  }
  bool field(ProofPtr& proof) {
    bool there = false;
    if (!field(there)) return false;
    if (there) proof = std::make_unique<Proof>();
    return !proof ||
           (field(proof->cn) && field(proof->san) && field(proof->dn) &&
            field(proof->psk_identity) && field(proof->tls_version) && field(proof->cipher));
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
         io.field(d.address) && io.field(d.node) && io.field(d.via);
}

}  // namespace

void append(std::string& blob, const SavedDevice& device) { fields(Writer{blob}, device); }

bool read_saved(std::string_view blob, std::vector<SavedDevice>& out) {
  Reader reader{blob};
  while (!reader.in.empty()) {
    if (!fields(reader, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace sn
