package wan4j.pipeline;

import java.util.concurrent.CancellationException;
import java.util.function.Function;
import wan4j.cache.StepCache;
import wan4j.media.FrameSink;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// Takes a request through its course: its prompts once, then each clip's conditioning, sampling
/// and decoding. Between two forwards and two pieces of frames it throws `CancellationException`
/// when its listener says that it is cancelled; the networks can be used again afterwards.
public final class CourseRun {
  private final Course course;
  private final CourseNetworks networks;
  private final CourseListener listener;

  /// What a request wants beside what its course is made from.
  ///
  /// @param prompt what the video shows
  /// @param negative what it does not show; not encoded where no expert is guided
  /// @param plan how its clips are sampled
  /// @param noise makes the noise of each clip in turn, float32 in host memory, of a shape
  /// @param caches makes each clip's cache for tokens `[tokens, dim]`
  public record Wanted(
      String prompt,
      String negative,
      SamplingPlan plan,
      Function<Shape, Tensor> noise,
      Function<Shape, StepCache> caches) {}

  /// Creates a run through networks, which stay the caller's.
  public CourseRun(Course course, CourseNetworks networks, CourseListener listener) {
    this.course = course;
    this.networks = networks;
    this.listener = listener;
  }

  /// Makes the whole video.
  public void run(Wanted wanted, FrameSink sink) {
    run(wanted, RunRecord.NONE, sink);
  }

  /// Makes the whole video, of which `record` may have a part already and is told what is made.
  public void run(Wanted wanted, RunRecord record, FrameSink sink) {
    Prompts prompts = prompts(wanted);
    LastFrames last = new LastFrames(course.remembered());
    for (int index = 0; index < course.clips(); index++) {
      Clip clip = new Clip(index, last.frames());
      Tensor latents = record.latents(index);
      if (latents == null) {
        latents = sample(wanted, prompts, clip, record);
        record.sampled(index, latents);
      } else {
        skipNoise(wanted);
      }
      decode(clip, latents, last, sink);
    }
  }

  /// Decodes all clips, whose latents a record has.
  public void decode(RunRecord record, FrameSink sink) {
    LastFrames last = new LastFrames(course.remembered());
    for (int index = 0; index < course.clips(); index++) {
      decode(new Clip(index, last.frames()), record.latents(index), last, sink);
    }
  }

  private void decode(Clip clip, Tensor latents, LastFrames last, FrameSink sink) {
    decode(
        clip,
        latents,
        frames -> {
          last.add(frames);
          sink.accept(frames);
        });
  }

  /// Draws a clip's noise, so that the next clip's is that of an unbroken run.
  private void skipNoise(Wanted wanted) {
    if (course.clips() > 1) {
      wanted.noise().apply(course.latents(networks.autoencoder()));
    }
  }

  /// Returns the states of the prompts.
  public Prompts prompts(Wanted wanted) {
    Prompts prompts =
        listener.stage(
            "text",
            () -> {
              Tensor positive = networks.text(wanted.prompt());
              requireNotCancelled();
              boolean isGuided = wanted.plan().isGuided();
              return new Prompts(positive, isGuided ? networks.text(wanted.negative()) : positive);
            });
    networks.textIsDone();
    return prompts;
  }

  /// Samples a clip's latents, float32 `[channels, frames, height, width]` in host memory.
  public Tensor sample(Wanted wanted, Prompts prompts, Clip clip) {
    return sample(wanted, prompts, clip, RunRecord.NONE);
  }

  private Tensor sample(Wanted wanted, Prompts prompts, Clip clip, RunRecord record) {
    requireNotCancelled();
    Ops ops = networks.ops();
    try (var _ = ops.scope()) {
      VideoAutoencoder vae = networks.autoencoder();
      Shape shape = course.latents(vae);
      Conditioning conditioning =
          listener.stage("conditioning", () -> course.conditioning(ops, vae, shape, prompts, clip));
      networks.autoencoderIsDone();
      Tensor noise = wanted.noise().apply(shape);
      Denoiser denoiser = new Denoiser(ops, networks.experts());
      SavedState state = record.state(clip.index());
      StepListener steps = new RecordedSteps(listener, record, clip.index());
      Tensor latents =
          listener.stage(
              "denoise",
              () ->
                  state == null
                      ? denoiser.run(wanted.plan(), noise, conditioning, wanted.caches(), steps)
                      : denoiser.resume(
                          wanted.plan(), state, conditioning, wanted.caches(), steps));
      networks.expertsAreDone();
      return latents;
    }
  }

  /// Tells a listener and a record of a clip's steps.
  private record RecordedSteps(StepListener listener, RunRecord record, int clip)
      implements StepListener {
    @Override
    public void begins(int step, Expert expert) {
      listener.begins(step, expert);
    }

    @Override
    public void ends(Outcome outcome) {
      listener.ends(outcome);
      record.stepped(clip, outcome, listener.isCancelled());
    }

    @Override
    public boolean isCancelled() {
      return listener.isCancelled();
    }
  }

  /// Decodes a clip's latents and hands over its part of the video.
  public void decode(Clip clip, Tensor latents, FrameSink sink) {
    listener.stage(
        "decode",
        () -> {
          VideoAutoencoder vae = networks.autoencoder();
          course.decode(
              networks.ops(),
              vae,
              clip,
              latents,
              frames -> {
                requireNotCancelled();
                sink.accept(frames);
              });
          return vae;
        });
    networks.autoencoderIsDone();
  }

  private void requireNotCancelled() {
    if (listener.isCancelled()) {
      throw new CancellationException("cancelled");
    }
  }
}
