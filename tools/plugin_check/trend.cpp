#include "tools/plugin_check/trend.hpp"

#include <algorithm>
#include <cstddef>

namespace keel::check {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Trend trend_of(const std::vector<double>& readings) {
  const std::vector<double> settled(
      readings.begin() + static_cast<std::ptrdiff_t>(readings.size() / 4), readings.end());
  if (settled.size() < 2) return {};
  // All pairs of a long series are too many; every n-th reading tells the same.
  const std::size_t step = settled.size() / 1000 + 1;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < settled.size(); i += step) {
    for (std::size_t j = i + step; j < settled.size(); j += step) {
      slopes.push_back((settled[j] - settled[i]) / static_cast<double>(j - i));
    }
  }
  const auto quarter = static_cast<std::ptrdiff_t>(std::max<std::size_t>(settled.size() / 4, 1));
  return {.per_step = median(std::move(slopes)),
          .total = median({settled.end() - quarter, settled.end()}) -
                   median({settled.begin(), settled.begin() + quarter})};
}

}  // namespace keel::check
