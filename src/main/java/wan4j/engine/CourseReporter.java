package wan4j.engine;

import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Supplier;
import wan4j.Progress;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.pipeline.CourseListener;
import wan4j.pipeline.LatentColors;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// Tells a request's progress of its stages and steps, with their times, and hands over the latents
/// after each step.
public final class CourseReporter implements CourseListener {
  private final Progress progress;
  private final Consumer<Tensor> latents;
  private long began;
  private Ops backend; // null before the first clip is conditioned
  private LatentColors colors; // null where no previews are wanted

  /// Creates a reporter; `latents` takes float32 `[channels, frames, height, width]` in host memory
  /// after each step.
  public CourseReporter(Progress progress, Consumer<Tensor> latents) {
    this.progress = progress;
    this.latents = latents;
  }

  /// Returns who is told.
  public Progress progress() {
    return progress;
  }

  @Override
  public void clip(int index, int clips) {
    if (clips > 1) {
      progress.clip(index + 1, clips);
    }
  }

  @Override
  public <T> T stage(String name, Supplier<T> work) {
    return progress.timed(name, work);
  }

  @Override
  public void encodes(Ops ops, VideoAutoencoder vae) {
    backend = ops;
    if (progress.previewEvery() > 0 && colors == null) {
      colors = LatentColors.fit(ops, vae);
    }
  }

  @Override
  public void begins(int step, Expert expert) {
    began = System.nanoTime();
  }

  @Override
  public void ends(Outcome outcome) {
    progress.stepped(
        new Progress.Step(
            outcome.step() + 1,
            outcome.steps(),
            outcome.expert().name().toLowerCase(Locale.ROOT).replace('_', '-'),
            outcome.forwards(),
            outcome.skipped(),
            Duration.ofNanos(System.nanoTime() - began),
            backend == null ? 0 : backend.peakBytes()));
    latents.accept(outcome.latents());
    int every = progress.previewEvery();
    if (colors != null && every > 0 && (outcome.step() + 1) % every == 0) {
      progress.previews(outcome.step() + 1, colors.frames(outcome.clean().get()));
    }
  }

  @Override
  public boolean isCancelled() {
    return progress.isCancelled();
  }
}
