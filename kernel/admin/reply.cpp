#include "kernel/admin/reply.hpp"

#include "kernel/admin/json.hpp"

namespace keel::kernel {

void ListChunk::add(std::string_view entry) {
  if (json_ && !text_.empty()) text_ += ",\n";
  text_ += entry;
  if (!json_) text_ += '\n';
}

void Reply::write(std::string_view text) {
  if (!alive_) return;
  buffer_ += text;
  if (buffer_.size() >= kPiece) flush();
}

void Reply::flush() {
  if (alive_ && !buffer_.empty()) alive_ = sink_(buffer_);
  buffer_.clear();
}

void Reply::line(std::string_view text) {
  write(text);
  write("\n");
}

Exit Reply::ok(std::string_view text) {
  line(json_ ? JsonObject().add("result", text).str() : std::string(text));
  return Exit::ok;
}

Exit Reply::ok() {
  if (json_) return ok("ok");
  return Exit::ok;
}

Exit Reply::fail(std::string_view text) {
  line(json_ ? JsonObject().add("error", text).str() : std::string(text));
  return Exit::error;
}

void Reply::begin_list() {
  first_entry_ = true;
  if (json_) write("[");
}

void Reply::append(const ListChunk& chunk) {
  if (chunk.text().empty()) return;
  if (json_) write(first_entry_ ? "\n" : ",\n");
  first_entry_ = false;
  write(chunk.text());
}

void Reply::entry(std::string_view text) {
  if (!json_) return line(text);
  write(first_entry_ ? "\n" : ",\n");
  first_entry_ = false;
  write(text);
}

Exit Reply::end_list() {
  if (json_) write(first_entry_ ? "]\n" : "\n]\n");
  return Exit::ok;
}

}  // namespace keel::kernel
