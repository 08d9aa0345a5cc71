package wan4j.bench;

import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import wan4j.bench.measure.Measurement;

/// How long GPUs of one host take to exchange, by the bytes that each sends to the others: between
/// two measured sizes in proportion, below the least as long as it, above the largest at its rate.
///
/// @param milliseconds by the megabytes that a rank sends to others
/// @param source where they were measured
public record ExchangeTimes(NavigableMap<Double, Double> milliseconds, String source) {
  /// NCCL's all-to-all of 12, 97, 290 and 580 MB a rank between two H200s of one host (NVLink with
  /// 18 links), of which each sends half to the other.
  static final ExchangeTimes TWO_H200 =
      new ExchangeTimes(
          new TreeMap<>(Map.of(6.0, 0.060, 48.5, 0.208, 145.0, 0.535, 290.0, 0.928)),
          "two H200, NCCL all-to-all");

  /// Returns those of measured all-to-all exchanges of the largest number of ranks through NCCL, or
  /// the known ones of two H200s where there are none.
  static ExchangeTimes of(List<Measurement> measured) {
    NavigableMap<Double, Double> times = new TreeMap<>();
    int most = 1;
    for (Measurement result : measured) {
      Map<String, Object> parameters = result.parameters();
      if (result.benchmark().equals("collectives")
          && result.metric().equals("time")
          && "NCCL".equals(parameters.get("exchange"))
          && "all-to-all".equals(parameters.get("collective"))
          && parameters.get("ranks") instanceof Integer ranks
          && parameters.get("megabytes") instanceof Number megabytes
          && ranks > 1
          && ranks >= most) {
        if (ranks > most) {
          times.clear();
          most = ranks;
        }
        times.put(megabytes.doubleValue() * (ranks - 1) / ranks, result.median());
      }
    }
    return times.isEmpty()
        ? TWO_H200
        : new ExchangeTimes(times, "NCCL all-to-all of %d GPUs".formatted(most));
  }

  /// Returns the milliseconds for so many megabytes to others.
  double of(double megabytes) {
    Map.Entry<Double, Double> below = milliseconds.floorEntry(megabytes);
    Map.Entry<Double, Double> above = milliseconds.ceilingEntry(megabytes);
    if (below == null) {
      return above.getValue();
    }
    if (above == null) {
      return below.getValue() * megabytes / below.getKey();
    }
    double width = above.getKey() - below.getKey();
    double share = width == 0 ? 0 : (megabytes - below.getKey()) / width;
    return below.getValue() + share * (above.getValue() - below.getValue());
  }
}
