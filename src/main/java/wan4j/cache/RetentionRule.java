package wan4j.cache;

/// Which forwards of a run MagCache always computes. Forwards are numbered 2 · step + branch.
///
/// Follows mali-afridi/Wan2.2_FP8 ee86e2e, wan/magcache_fsdp_wrapper.py. Its bounds are rounded in
/// different ways from case to case; decisions depend on that, so they are kept.
public enum RetentionRule {
  /// The first of each expert's forwards: text to video.
  BOTH_EXPERTS,
  /// All of the high-noise expert's forwards and the first of the low-noise expert's: image to
  /// video.
  LOW_NOISE_EXPERT,
  /// The first forwards: models with one transformer.
  WHOLE_RUN;

  /// Says whether a forward may be skipped in a run of `passes` forwards of which the first `split`
  /// are the high-noise expert's; without a split every rule is `WHOLE_RUN`.
  boolean maySkip(int pass, int passes, int split, double retention) {
    RetentionRule rule = split == 0 ? WHOLE_RUN : this;
    double low = split + (passes - split) * retention;
    return switch (rule) {
      case BOTH_EXPERTS -> pass >= (int) (split * retention) && !(pass >= split && pass <= low);
      case LOW_NOISE_EXPERT -> pass >= (int) low;
      case WHOLE_RUN -> pass >= (int) (passes * retention);
    };
  }
}
