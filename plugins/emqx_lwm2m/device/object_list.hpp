// The links of a Register or Update: what objects the device has, of which version, where they
// begin and which formats it speaks. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "emqx_lwm2m/device/registration.hpp"

namespace lwm2m {

// Replaces objects and versions, and, if it names a root, alternate_path and formats. Links that
// are no objects are passed over. What is wrong with it; empty: nothing.
std::string read_object_list(std::string_view payload, std::size_t max_links, Registration& out);

}  // namespace lwm2m
