// HTTP/1.1 without a socket: addresses, requests as bytes, responses as values. Pure functions and
// values; any thread. Texts that come from clients may go into targets (see encode()), header
// values and bodies: nothing of them can end a line or begin another header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "keel/result.hpp"

namespace keel::http {

struct Url {
  std::string scheme = "http";  // or "https"
  std::string host = {};        // a name or an address, IPv6 without brackets
  std::uint16_t port = 80;
  std::string path = "/";  // with the query, ready to be sent as a request's target

  bool tls() const { return scheme == "https"; }
  // Whether both can be asked over the same connections.
  bool same_server(const Url& other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
  }
  // "https://example.org:8443", for messages.
  std::string server() const;
};

// "http://host[:port][/path][?query]" or https. A fragment is left out. Refuses user names in it
// (they belong into a header), control characters, spaces and what is not ASCII. No message repeats
// the address, which may hold secrets.
Result<Url> parse_url(std::string_view text);

// Percent-encodes everything but letters, digits and -._~ .
std::string encode(std::string_view text);

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string target = "/";       // path and query
  std::string body = {};          // sent with its length; not with GET and HEAD when empty
  std::string content_type = {};  // of the body
  Headers headers = {};           // further ones; not Host, Content-Length, Transfer-Encoding,
                                  // Connection, which are the client's
  std::uint32_t timeout_ms = 0;   // for this one; 0: the client's
};

struct Response {
  int status = 0;
  Headers headers = {};
  std::string body = {};

  // The first value of a header, whatever the case of its name; empty: there is none.
  std::string_view header(std::string_view name) const;
};

// The request's bytes for a server. Refuses methods, targets and headers that would not be one
// (line breaks and other control characters above all); the message names the part, not its value.
Result<std::string> serialize(const Request& request, const Url& server);

}  // namespace keel::http
