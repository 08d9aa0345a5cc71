package wan4j.pipeline;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import wan4j.cache.StepCache;
import wan4j.media.FrameSink;
import wan4j.model.VideoAutoencoder;
import wan4j.ops.HostExchange;
import wan4j.ops.Ops;
import wan4j.ops.SavedState;
import wan4j.tensor.Shape;
import wan4j.tensor.Tensor;
import wan4j.weights.Expert;

/// Takes a request through its course: its prompts once, then each clip's conditioning, sampling
/// and decoding. Between two forwards and two pieces of frames it throws `CancellationException`
/// when its listener says that it is cancelled; the networks can be used again afterwards.
///
/// Where ranks take the request together, each runs the same course through networks of its own.
/// The first one alone reads prompts and sound, draws noise and hands over frames; the others get
/// what it has read.
public final class CourseRun {
  private final Course course;
  private final CourseNetworks networks;
  private final CourseListener listener;
  private final HostExchange host;

  /// What a request wants beside what its course is made from.
  ///
  /// @param prompts what the clips show, one after another; the last one's is the rest's too
  /// @param negative what it does not show; not encoded where no expert is guided
  /// @param plan how its clips are sampled
  /// @param noise makes the noise of each clip in turn
  /// @param caches makes each clip's cache for tokens `[tokens, dim]`
  public record Wanted(
      List<String> prompts,
      String negative,
      SamplingPlan plan,
      ClipNoise noise,
      Function<Shape, StepCache> caches) {
    /// Copies the prompts.
    public Wanted {
      prompts = List.copyOf(prompts);
    }

    /// Wants the same of all clips.
    public Wanted(
        String prompt,
        String negative,
        SamplingPlan plan,
        ClipNoise noise,
        Function<Shape, StepCache> caches) {
      this(List.of(prompt), negative, plan, noise, caches);
    }
  }

  /// Makes noise.
  @FunctionalInterface
  public interface ClipNoise {
    /// Returns the noise of a clip, by its number from 0: float32 in host memory, of a shape.
    Tensor of(int clip, Shape shape);
  }

  /// Creates a run through networks, which stay the caller's.
  public CourseRun(Course course, CourseNetworks networks, CourseListener listener) {
    this.course = course;
    this.networks = networks;
    this.listener = listener;
    host = networks.ranks().host();
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
      Clip clip = new Clip(index, frames(last));
      listener.clip(index, course.clips());
      Tensor latents = record.latents(index);
      if (latents == null) {
        latents = sample(wanted, prompts, clip, record);
        record.sampled(index, latents);
      } else {
        skipNoise(wanted, index);
      }
      decode(clip, latents, last, sink);
      collectHostMemory(index);
    }
  }

  /// Frees what a clip, of several, has left in host memory. Its tensors lie outside of the heap
  /// and are freed when their small objects are collected; a heap that does not fill would let
  /// those of many clips pile up, gigabytes at the usual sizes, until the limit of direct memory is
  /// reached.
  private void collectHostMemory(int clip) {
    if (clip + 1 < course.clips() && host.isFirst()) {
      System.gc();
    }
  }

  /// Decodes all clips, whose latents a record has.
  public void decode(RunRecord record, FrameSink sink) {
    LastFrames last = new LastFrames(course.remembered());
    for (int index = 0; index < course.clips(); index++) {
      listener.clip(index, course.clips());
      decode(new Clip(index, frames(last)), record.latents(index), last, sink);
      collectHostMemory(index);
    }
  }

  /// Returns the frames before a clip, which the first rank has.
  private Tensor frames(LastFrames last) {
    return last.areWanted() ? host.ofFirst(last::frames) : null;
  }

  /// Draws a clip's noise, so that the next clip's is that of an unbroken run.
  private void skipNoise(Wanted wanted, int clip) {
    if (clip + 1 < course.clips() && !course.seedsEachClip() && host.isFirst()) {
      wanted.noise().of(clip, course.latents(networks.autoencoder()));
    }
  }

  /// Returns what networks make of the request once.
  public Prompts prompts(Wanted wanted) {
    Prompts prompts =
        listener.stage(
            "text",
            () -> {
              List<Tensor> positive = new ArrayList<>();
              networks.textIsNext();
              for (String prompt : wanted.prompts()) {
                positive.add(host.ofFirst(() -> networks.text(prompt)));
                requireNotCancelled();
              }
              Tensor first = positive.getFirst();
              boolean isGuided = wanted.plan().isGuided();
              return new Prompts(
                  first,
                  isGuided ? host.ofFirst(() -> networks.text(wanted.negative())) : first,
                  null,
                  positive.subList(1, positive.size()));
            });
    networks.textIsDone();
    requireNotCancelled();
    Tensor source = host.ofFirst(() -> course.source(networks, listener));
    return new Prompts(prompts.positive(), prompts.negative(), source, prompts.later());
  }

  /// Samples a clip and returns what is decoded of it, float32 latents `[channels, frames, height,
  /// width]` in host memory.
  public Tensor sample(Wanted wanted, Prompts prompts, Clip clip) {
    return sample(wanted, prompts, clip, RunRecord.NONE);
  }

  private Tensor sample(Wanted wanted, Prompts prompts, Clip clip, RunRecord record) {
    requireNotCancelled();
    Ops ops = networks.ops();
    try (var _ = ops.scope()) {
      VideoAutoencoder vae = networks.autoencoder();
      Shape shape = course.latents(vae);
      Prompts own = prompts.of(clip.index());
      Conditioning conditioning =
          listener.stage("conditioning", () -> course.conditioning(ops, vae, shape, own, clip));
      listener.encodes(ops, vae);
      networks.autoencoderIsDone();
      Tensor noise = host.ofFirst(() -> wanted.noise().of(clip.index(), shape));
      Denoiser denoiser = new Denoiser(ops, networks.experts(), networks.ranks());
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
      return course.decodable(ops, conditioning, latents);
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

  /// Decodes what [#sample] gave of a clip and hands over its part of the video.
  public void decode(Clip clip, Tensor latents, FrameSink sink) {
    decode(clip, latents, new LastFrames(0), sink);
  }

  private void decode(Clip clip, Tensor latents, LastFrames last, FrameSink sink) {
    listener.stage(
        "decode",
        () -> {
          VideoAutoencoder vae = networks.autoencoder();
          Ops ops = networks.ops();
          FrameDecoder.decode(
              ops,
              host,
              frames -> course.decode(ops, vae, clip, latents, frames),
              this::requireNotCancelled,
              sink,
              last);
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
