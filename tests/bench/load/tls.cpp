// The client's side of TLS 1.3. The certificate is not looked at: what is measured is the broker.
#include <openssl/ssl.h>

#include <stdexcept>

#include "tunnel.hpp"

namespace keel::load {
namespace {

struct Free {
  void operator()(SSL* session) const { SSL_free(session); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

SSL_CTX& context() {
  static const std::unique_ptr<SSL_CTX, Free> shared = [] {
    std::unique_ptr<SSL_CTX, Free> made(SSL_CTX_new(TLS_client_method()));
    if (!made || SSL_CTX_set_min_proto_version(made.get(), TLS1_3_VERSION) != 1)
      throw std::runtime_error("TLS 1.3 is not there");
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_mode(made.get(), SSL_MODE_RELEASE_BUFFERS);
    return made;
  }();
  return *shared;
}

class Tls final : public Tunnel {
 public:
  Tls() : session_(SSL_new(&context())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    if (!session_ || in_ == nullptr || out_ == nullptr) throw std::bad_alloc();
    SSL_set_bio(session_.get(), in_, out_);  // which owns them from here on
    SSL_set_connect_state(session_.get());
  }

  void begin(std::string& out) override {
    SSL_do_handshake(session_.get());
    take_output(out);
  }
  bool ready() const override { return SSL_is_init_finished(session_.get()) == 1; }
  void seal(std::string_view mqtt, std::string& out) override {
    SSL_write(session_.get(), mqtt.data(), static_cast<int>(mqtt.size()));
    take_output(out);
  }
  const char* unseal(std::string_view bytes, std::string& mqtt, std::string& out) override {
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    constexpr std::size_t kRecord = 16'384;
    int got = 0;
    do {
      const std::size_t before = mqtt.size();
      mqtt.resize(before + kRecord);
      got = SSL_read(session_.get(), &mqtt[before], kRecord);
      mqtt.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    } while (got > 0);
    const int error = SSL_get_error(session_.get(), got);
    take_output(out);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN ? nullptr
                                                                          : "TLS has failed";
  }

 private:
  void take_output(std::string& out) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out_, &data);
    if (size <= 0) return;
    out.append(data, static_cast<std::size_t>(size));
    (void)BIO_reset(out_);
  }

  std::unique_ptr<SSL, Free> session_;
  BIO *in_, *out_;
};

}  // namespace

std::unique_ptr<Tunnel> make_tls() { return std::make_unique<Tls>(); }

}  // namespace keel::load
