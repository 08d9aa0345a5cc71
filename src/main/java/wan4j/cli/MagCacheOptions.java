package wan4j.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;
import wan4j.CacheSettings;
import wan4j.tensor.InputException;

/// The flags of MagCache.
public final class MagCacheOptions {
  @Option(
      names = "--use_magcache",
      description = "Skip forwards that would change little (MagCache).")
  private boolean isUsed;

  @Option(
      names = "--magcache_thresh",
      description = "Accumulated error below which forwards are skipped (default: 0.04).")
  private Double threshold;

  @Option(
      names = "--retention_ratio",
      description = "Share of the steps that are always computed (default: 0.2).")
  private Double retention;

  @Option(
      names = "--magcache_K",
      paramLabel = "0..",
      description = "Most skips in a row (default: 2).")
  private Integer skips;

  @Option(
      names = "--magcache_ratios",
      description = "Ratios that a calibration wrote (default: the published ones).")
  private Path ratios;

  boolean isUsed() {
    return isUsed;
  }

  /// Throws `InputException` for a setting without the flag that it belongs to.
  void check() {
    boolean hasBounds = threshold != null || retention != null || skips != null || ratios != null;
    if (hasBounds && !isUsed) {
      throw new InputException(
          "a setting of MagCache was given without --use_magcache; add it, or leave the setting"
              + " out");
    }
  }

  /// Returns the settings, or that every forward is computed.
  public CacheSettings settings() {
    check();
    CacheSettings.MagCache usual = CacheSettings.MagCache.DEFAULT;
    return isUsed
        ? new CacheSettings.MagCache(
            threshold == null ? usual.threshold() : threshold,
            skips == null ? usual.skips() : skips,
            retention == null ? usual.retention() : retention,
            ratios)
        : new CacheSettings.Off();
  }
}
