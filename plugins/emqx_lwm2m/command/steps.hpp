// What reading a command takes, in either dialect. Pure functions, any thread.
#pragma once

#include <boost/json/value.hpp>
#include <span>
#include <string_view>

#include "emqx_lwm2m/command/coercion.hpp"
#include "emqx_lwm2m/command/command.hpp"
#include "emqx_lwm2m/command/reply.hpp"

namespace lwm2m {

// Why a command is refused; without a reason it is not.
struct Problem {
  std::string_view reason;  // a word, for programs
  Refusal why = Refusal::bad_request;

  explicit operator bool() const { return !reason.empty(); }
};

// The command as far as it has been read, and what that goes by.
struct Reading {
  Command& command;
  const Types& types;
  const CommandLimits& limits;
  Encoding encoding = Encoding::standard;
};

Problem read_b(Reading& reading, const boost::json::object& message);
Problem read_a(Reading& reading, const boost::json::object& message);

// How a dialect calls the operations.
struct NamedOperation {
  std::string_view name;
  Operation operation;
};
// False: there is none of that name.
bool read_operation(std::span<const NamedOperation> known, std::string_view name, Operation& out);

std::string_view text_of(const boost::json::string& text);
// The member unless it is missing or null.
const boost::json::value* member(const boost::json::object& object, std::string_view name);

// Notes the path, with its queries, as it came; it must be one that the operation can have.
Problem take_path(Reading& reading, std::string_view text);
// The path `relative` below `base`; depth 0: there is none.
Path below(const Path& base, std::string_view relative);
// Whether the operation may have a path at all: the object of keys is nobody's business.
Problem permit(const Path& path);

// One resource with its value. Create: `path` begins with the instance, or, when `any_instance`,
// with the resource: all of them alike, and of one instance.
Problem take_item(Reading& reading, const Path& path, DataType type,
                  const boost::json::value& value);
Problem take_created(Reading& reading, const Path& path, DataType type,
                     const boost::json::value& value);
Problem take_arguments(Reading& reading, const boost::json::value* arguments);

}  // namespace lwm2m
