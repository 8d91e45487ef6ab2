#include "kernel/admin/ctl_protocol.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace keel::kernel;
using State = CtlRequestReader::State;

namespace {

std::string encode(const std::vector<std::string>& arguments) {
  std::string out = ctl_piece_header(static_cast<std::uint32_t>(arguments.size()));
  for (const std::string& argument : arguments)
    out += ctl_piece_header(static_cast<std::uint32_t>(argument.size())) + argument;
  return out;
}

}  // namespace

TEST_CASE("a request is read whatever pieces it comes in") {
  const std::vector<std::vector<std::string>> requests = {
      {},
      {""},
      {"status"},
      {"clients", "show", std::string("a\0b", 3)},
      {"", "", ""},
      {std::string(kCtlMaxArgument, 'x'), "y"},
      std::vector<std::string>(kCtlMaxArguments, "z")};
  for (const auto& request : requests) {
    const std::string bytes = encode(request);
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{3}, std::size_t{4096}, bytes.size()}) {
      CtlRequestReader reader;
      State state = State::more;
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        REQUIRE(state == State::more);
        state = reader.feed(std::string_view(bytes).substr(at, step));
      }
      REQUIRE(state == State::done);
      CHECK(reader.take_arguments() == request);
    }
  }
}

TEST_CASE("too many and too long arguments are refused before they are kept") {
  CtlRequestReader many;
  CHECK(many.feed(ctl_piece_header(kCtlMaxArguments + 1)) == State::bad);
  CHECK(many.error().find("at most 64") != std::string::npos);
  CHECK(many.feed("more") == State::bad);

  CtlRequestReader huge;
  CHECK(huge.feed(ctl_piece_header(1) + ctl_piece_header(0xFFFFFFFF)) == State::bad);
  CHECK(huge.error().find("65536") != std::string::npos);

  CtlRequestReader longer;
  CHECK(longer.feed(ctl_piece_header(1) + ctl_piece_header(kCtlMaxArgument + 1)) == State::bad);
}

TEST_CASE("random bytes end in a verdict or wait for more") {
  std::mt19937 random(11);
  for (int round = 0; round < 5'000; ++round) {
    CtlRequestReader reader;
    State state = State::more;
    for (int piece = 0; piece < 8 && state == State::more; ++piece) {
      std::string bytes(random() % 12, '\0');
      for (char& c : bytes) c = random() % 3 == 0 ? static_cast<char>(random()) : '\0';
      state = reader.feed(bytes);
    }
    if (state == State::done) CHECK(reader.take_arguments().size() <= kCtlMaxArguments);
    if (state == State::bad) CHECK_FALSE(reader.error().empty());
  }
}

TEST_CASE("the end of a reply carries the exit code") {
  CHECK(ctl_end(2) == std::string("\xff\xff\xff\xff\x02", 5));
  CHECK(ctl_piece_header(258) == std::string("\0\0\1\2", 4));
}
