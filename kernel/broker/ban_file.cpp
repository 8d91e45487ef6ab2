#include "kernel/broker/ban_file.hpp"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "kernel/base/file_replacement.hpp"
#include "kernel/base/log.hpp"
#include "kernel/broker/ban_text.hpp"

namespace keel::kernel {
namespace {

constexpr std::string_view kHead =
    "# Who is banned, as `ctl banned` keeps it. Read when the broker starts, written anew by it.\n";
constexpr std::size_t kPiece = 1 << 20;
constexpr std::size_t kBadShown = 10;

}  // namespace

Result<void> BanFile::read(const std::function<Result<void>(Ban)>& take) const {
  std::error_code failed;
  const auto status = std::filesystem::status(path_, failed);
  if (status.type() == std::filesystem::file_type::not_found) return {};
  std::ifstream in;
  if (status.type() == std::filesystem::file_type::regular) in.open(path_);
  if (!in.is_open())
    return Error{
        fmt::format("{}: cannot be read, and it says who is banned; make it a file that "
                    "the broker may read, or remove it",
                    path_)};
  std::size_t number = 0, bad = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    auto ban = parse_ban(line);
    const Result<void> taken = ban ? take(std::move(*ban)) : Result<void>(Error{ban.error()});
    if (!taken && ++bad <= kBadShown)
      KEEL_LOG(error, "{}:{}: passed over: {}", path_, number, taken.error());
  }
  if (in.bad()) return Error{fmt::format("{}: cannot be read to its end", path_)};
  if (bad == 0) return {};
  const std::string aside = path_ + ".bad";
  std::filesystem::copy_file(path_, aside, std::filesystem::copy_options::overwrite_existing,
                             failed);
  KEEL_LOG(error, "{}: {} lines ban nobody; {}", path_, bad,
           failed ? "a copy could not be made: " + failed.message()
                  : "the file as it was is kept as " + aside);
  return {};
}

Result<void> BanFile::write(const BanTable& bans) const {
  FileReplacement file(path_, 0600);
  std::string piece(kHead);
  for (const BanPtr& ban : bans.all()) {
    piece += print_ban(*ban) += '\n';
    if (piece.size() < kPiece) continue;
    file.write(piece);
    piece.clear();
  }
  file.write(piece);
  const int cause = file.commit();
  if (cause == 0) return {};
  return Error{
      fmt::format("{}: cannot be written ({}); what changed holds until the broker "
                  "stops: make kernel.data_dir writable",
                  path_, std::strerror(cause))};
}

}  // namespace keel::kernel
