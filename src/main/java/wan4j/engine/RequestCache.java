package wan4j.engine;

import java.util.function.Function;
import wan4j.CacheSettings;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.cache.EasyCache;
import wan4j.cache.MagCache;
import wan4j.cache.MagCacheCalibration;
import wan4j.cache.MagCacheSchedule;
import wan4j.cache.StepCache;
import wan4j.ops.Ops;
import wan4j.pipeline.SamplingPlan;
import wan4j.tensor.Shape;

/// The cache that a request asks for, made for each clip when its tokens `[tokens, dim]` are known.
public final class RequestCache implements Function<Shape, StepCache> {
  private final Ops ops;
  private final CacheSettings settings;
  private final Task task;
  private final MagCacheSchedule schedule; // null without MagCache
  private MagCacheCalibration calibration;

  /// Prepares the caches of a request; `boundary` is the noise level between the experts. Throws
  /// `InputException` when a file of ratios cannot be used.
  public RequestCache(
      Ops ops, VideoRequest request, Task task, SamplingPlan plan, double boundary) {
    this.ops = ops;
    this.task = task;
    settings = request.cache();
    boolean hasImage = request.source() instanceof Source.Image;
    schedule =
        settings instanceof CacheSettings.MagCache magCache
            ? MagCacheSchedules.of(magCache, task, hasImage, plan, boundary)
            : null;
  }

  @Override
  public StepCache apply(Shape tokens) {
    return switch (settings) {
      case CacheSettings.Off _ -> StepCache.NONE;
      case CacheSettings.MagCache _ -> new MagCache(ops, schedule, tokens.size(0), tokens.size(1));
      case CacheSettings.EasyCache easy -> new EasyCache(easy.threshold(), easy.retained());
      case CacheSettings.Calibration _ -> {
        calibration = new MagCacheCalibration(ops, tokens.size(0), tokens.size(1));
        yield calibration;
      }
    };
  }

  /// Writes what was measured where that was asked for; throws `InputException` when the file
  /// cannot be written.
  public void finish() {
    if (calibration != null && settings instanceof CacheSettings.Calibration target) {
      calibration.write(target.target(), task.spelling());
    }
  }
}
