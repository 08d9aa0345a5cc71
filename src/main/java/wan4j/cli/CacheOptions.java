package wan4j.cli;

import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;
import wan4j.CacheSettings;
import wan4j.Task;
import wan4j.tensor.InputException;

/// The flags that let forwards be skipped.
public final class CacheOptions {
  /// The caches, by their names.
  private enum Kind {
    NONE,
    MAGCACHE,
    EASYCACHE
  }

  @Option(
      names = "--cache",
      paramLabel = "NAME",
      description =
          "none, magcache or easycache: skip forwards that would change little; easycache needs no"
              + " ratios of the model (default: none).")
  private String name;

  @Option(
      names = "--easycache_thresh",
      description =
          "Accumulated relative change below which steps are skipped (default: t2v 0.06, else"
              + " 0.05).")
  private Double change;

  @Option(
      names = "--easycache_steps",
      paramLabel = "1..",
      description = "First steps of each expert that are always computed (default: 7).")
  private Integer retained;

  @Option(names = "--use_magcache", description = "The same as --cache magcache.")
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

  /// Says whether any forward may be skipped.
  boolean isUsed() {
    return kind() != Kind.NONE;
  }

  /// Says whether the flags name a cache, or none by its name, or set anything of one.
  boolean isGiven() {
    return name != null
        || isUsed
        || change != null
        || retained != null
        || threshold != null
        || retention != null
        || skips != null
        || ratios != null;
  }

  private Kind kind() {
    if (name == null) {
      return isUsed ? Kind.MAGCACHE : Kind.NONE;
    }
    Kind kind =
        switch (name.toLowerCase(Locale.ROOT)) {
          case "none" -> Kind.NONE;
          case "magcache" -> Kind.MAGCACHE;
          case "easycache" -> Kind.EASYCACHE;
          default ->
              throw new InputException(
                  "--cache got \"%s\"; give none, magcache or easycache".formatted(name));
        };
    if (isUsed && kind != Kind.MAGCACHE) {
      throw new InputException(
          "--use_magcache and --cache %s were both given; give one of them".formatted(name));
    }
    return kind;
  }

  /// Throws `InputException` for a setting without the cache that it belongs to.
  void check() {
    boolean hasBounds = threshold != null || retention != null || skips != null || ratios != null;
    if (hasBounds && kind() != Kind.MAGCACHE) {
      throw new InputException(
          "a setting of MagCache was given without --use_magcache; add it, or leave the setting"
              + " out");
    }
    if ((change != null || retained != null) && kind() != Kind.EASYCACHE) {
      throw new InputException(
          "a setting of EasyCache was given without --cache easycache; add it, or leave the setting"
              + " out");
    }
  }

  /// Returns the settings for a task, or that every forward is computed.
  public CacheSettings settings(Task task) {
    check();
    return switch (kind()) {
      case NONE -> new CacheSettings.Off();
      case MAGCACHE -> {
        CacheSettings.MagCache usual = CacheSettings.MagCache.DEFAULT;
        yield new CacheSettings.MagCache(
            threshold == null ? usual.threshold() : threshold,
            skips == null ? usual.skips() : skips,
            retention == null ? usual.retention() : retention,
            ratios);
      }
      case EASYCACHE -> {
        CacheSettings.EasyCache usual = CacheSettings.EasyCache.of(task);
        yield new CacheSettings.EasyCache(
            change == null ? usual.threshold() : change,
            retained == null ? usual.retained() : retained);
      }
    };
  }
}
