// What answers of both dialects are made of. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "emqx_lwm2m/command/reply.hpp"

namespace lwm2m {

std::string answer_b(const Command& command, const Answer& answer, const Types& types,
                     const ReplySettings& settings);
std::string answer_a(const Command& command, const Answer& answer, const ReplySettings& settings);
std::string refused_b(const Command& command, Refusal why, std::string_view reason);
std::string refused_a(const Command& command, Refusal why);

// `"content":[{"path":...,"value":...}]`, and the warning that types were guessed.
void append_content(std::string& out, const Decoded& content, const Types& types,
                    const ReplySettings& settings);

// A value as JSON has it. Octets, and text of a device that is no UTF-8, become base64.
struct Written {
  bool opaque = false;          // base64
  std::string_view error = {};  // why it is not what its type says
};
Written append_value(std::string& out, const Item& item);

// The links of a Discover, as an array. False: they are none, and nothing has been added.
bool append_links(std::string& out, std::string_view links);

// "{", the echo, and the name under `key`.
void begin_reply(std::string& out, const Command& command, std::string_view key,
                 std::string_view name);

}  // namespace lwm2m
