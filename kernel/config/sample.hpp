// The documents made from the settings table: the shipped keel.conf and the manual page
// keel.conf(5). `keel_schema_doc` prints them; a test holds the committed files against them. [any]
#pragma once

#include <string>

namespace keel::kernel {

std::string sample_file();
std::string manual_page();

}  // namespace keel::kernel
