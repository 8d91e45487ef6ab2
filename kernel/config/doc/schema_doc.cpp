// Prints the documents made from the settings table: `keel_schema_doc conf > etc/keel.conf`,
// `keel_schema_doc man > tools/man/keel.conf.5`.
#include <cstdio>
#include <string_view>

#include "kernel/config/sample.hpp"

int main(int argc, char** argv) {
  const std::string_view what = argc == 2 ? argv[1] : "";
  if (what != "conf" && what != "man") {
    std::fputs("usage: keel_schema_doc conf|man\n", stderr);
    return 2;
  }
  const auto text = what == "conf" ? keel::kernel::sample_file() : keel::kernel::manual_page();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}
