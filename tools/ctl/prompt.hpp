// Asks what a command of the broker wants to know, such as a password.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace keel::ctl {

// At a terminal the question is shown there, and what is typed is not; otherwise the answer is the
// next line of standard input. Nothing: there is none; why has been said on standard error.
std::optional<std::string> prompt(std::string_view question);

}  // namespace keel::ctl
