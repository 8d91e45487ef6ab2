#include "kernel/net/proxy_header.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace keel::kernel;
using namespace std::string_literals;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string v2(unsigned char command, unsigned char kind, const std::string& body) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(kind);
  header += static_cast<char>(body.size() >> 8);
  header += static_cast<char>(body.size() & 0xff);
  return header + body;
}

const std::string kBody4 = "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x50\x07\x5b"s;
const std::string kBody6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s +
                           std::string(16, '\0') + "\x1f\x90\x07\x5b"s;

struct Good {
  std::string header;
  std::string source;
  bool keeps = false;
};

std::vector<Good> good_headers() {
  return {
      {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535"},
      {"PROXY TCP6 2001:db8::1 ::1 0 443\r\n", "[2001:db8::1]:0"},
      {"PROXY UNKNOWN\r\n", "unknown", true},
      {"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "unknown", true},
      {v2(0x21, 0x11, kBody4), "1.2.3.4:80"},
      {v2(0x21, 0x11, kBody4 + std::string(100, 'x')), "1.2.3.4:80"},
      {v2(0x21, 0x21, kBody6), "[2001:db8::1]:8080"},
      {v2(0x21, 0x31, std::string(216, '\0')), "unix"},
      {v2(0x21, 0x00, ""), "unknown", true},
      {v2(0x20, 0x00, ""), "unknown", true},
      {v2(0x20, 0x11, kBody4), "unknown", true},
  };
}

}  // namespace

TEST_CASE("well-formed headers, whole and cut anywhere") {
  for (const Good& good : good_headers()) {
    CAPTURE(good.header);
    ProxyHeader out;
    std::size_t consumed = 0;
    CHECK(parse_proxy_header(good.header + "\x10rest", out, consumed) == ProxyParse::ok);
    CHECK(consumed == good.header.size());
    CHECK(out.source.text() == good.source);
    CHECK(out.keeps_address == good.keeps);
    for (std::size_t n = 0; n < good.header.size(); ++n) {
      CHECK(parse_proxy_header(good.header.substr(0, n), out, consumed) == ProxyParse::incomplete);
    }
  }
}

TEST_CASE("malformed headers") {
  const std::vector<std::string> bad = {
      "x",
      "\x10\x0e",
      "GET / HTTP/1.1\r\n",
      "PROXYTCP4",
      "PROXY \r\n",
      "PROXY TCP4\r\n",
      "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
      "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
      "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
      "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
      "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
      "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
      "PROXY TCP4 host 1.2.3.4 1 2\r\n",
      "PROXY UNKNOWNX\r\n",
      "PROXY UNKNOWN " + std::string(200, 'x'),
      v2(0x11, 0x11, kBody4),            // version 1 in a version 2 block
      v2(0x22, 0x11, kBody4),            // unknown command
      v2(0x21, 0x41, kBody4),            // unknown family
      v2(0x21, 0x13, kBody4),            // unknown transport
      v2(0x21, 0x11, kBody4.substr(1)),  // too short for its family
      v2(0x21, 0x21, kBody4),
      v2(0x21, 0x31, kBody6),
      v2(0x21, 0x11, std::string(5000, '\0')),  // longer than accepted
      kSignature.substr(0, 11) + "\r",
  };
  for (const std::string& header : bad) {
    CAPTURE(header);
    ProxyHeader out;
    std::size_t consumed = 0;
    CHECK(parse_proxy_header(header, out, consumed) == ProxyParse::malformed);
  }
}
