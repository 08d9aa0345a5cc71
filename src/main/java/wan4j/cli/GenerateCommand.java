package wan4j.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import wan4j.Arithmetic;
import wan4j.AttentionSettings;
import wan4j.CacheSettings;
import wan4j.Device;
import wan4j.EngineOptions;
import wan4j.LoraFile;
import wan4j.Offload;
import wan4j.Quantization;
import wan4j.Ranks;
import wan4j.Recovery;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoEngine;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.engine.AttentionChoice;
import wan4j.engine.Backends;
import wan4j.engine.Job;
import wan4j.engine.KeptSteps;
import wan4j.engine.ProcessorPlan;
import wan4j.files.PendingFile;
import wan4j.media.FrameBuffer;
import wan4j.media.FrameSource;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.media.VideoFormat;
import wan4j.media.VideoSettings;
import wan4j.tensor.InputException;

/// `wan4j generate`: one video, with the flags of the reference (Wan-Video/Wan2.2 at 42bf4cf,
/// generate.py, and mali-afridi/Wan2.2_FP8 at ee86e2e).
@Command(
    name = "generate",
    sortOptions = false,
    mixinStandardHelpOptions = true,
    description = "Makes a video with a checkpoint.",
    footerHeading = "%nTasks and examples:%n",
    footer = {
      "  t2v-A14B  text to video (1280*720, 720*1280, 832*480, 480*832)",
      "    wan4j generate --task t2v-A14B --ckpt_dir ./Wan2.2-T2V-A14B --size 1280*720 --prompt"
          + " \"...\"",
      "  i2v-A14B  image to video; the picture gives the aspect, --size the area",
      "    wan4j generate --task i2v-A14B --ckpt_dir ./Wan2.2-I2V-A14B --image cat.jpg --prompt"
          + " \"...\"",
      "  ti2v-5B   text, or text and image, to video (1280*704, 704*1280)",
      "    wan4j generate --task ti2v-5B --ckpt_dir ./Wan2.2-TI2V-5B --size 1280*704 --prompt"
          + " \"...\"",
      "  s2v-14B   a sound and a picture to a video of the subject who speaks it",
      "    wan4j generate --task s2v-14B --ckpt_dir ./Wan2.2-S2V-14B --size 1024*704 --image"
          + " face.png --audio talk.wav --prompt \"...\"",
      "  animate-14B  a character moves as in a driving video, or replaces the one in it",
      "    wan4j generate --task animate-14B --ckpt_dir ./Wan2.2-Animate-14B --src_root_path work/",
    })
final class GenerateCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--task",
      description =
          "The task (default: the checkpoint's own): t2v-A14B, i2v-A14B, ti2v-5B, s2v-14B,"
              + " animate-14B.")
  private String task;

  @Option(
      names = {"--ckpt_dir", "--checkpoint"},
      description = "The folder of the checkpoint, as downloaded in either layout.")
  private Path checkpoint;

  @Mixin private ClipOptions clips;

  @Option(
      names = {"--negative_prompt", "--n_prompt"},
      defaultValue = "",
      description = "What the video does not show (default: the reference's own).")
  private String negativePrompt;

  @Mixin private BatchOptions batch;
  @Mixin private ImageOptions image;
  @Mixin private SpeechOptions speech;
  @Mixin private CharacterOptions character;

  @Option(
      names = "--size",
      description =
          "Width*height, or the area where a picture gives the aspect (default: 1280*720, ti2v"
              + " 1280*704; animate: the driving video's).")
  private String size;

  @Option(names = "--any_size", description = "Take sizes that the model was not trained for.")
  private boolean anySize;

  @Option(
      names = {"--frame_num", "--frames"},
      paramLabel = "1..",
      description =
          "Frames, 4n+1 (default: 81, ti2v 121); of a clip (animate: 77); s2v takes the sound's"
              + " length.")
  private Integer frames;

  @Mixin private SamplingOptions sampling;

  @Option(
      names = "--device",
      description =
          "cpu, cuda, or cuda:N for the GPU of a number, the first of several (default: cuda where"
              + " this machine has a Hopper GPU, else cpu).")
  private String device;

  @Mixin private RankOptions ranks;

  @Option(
      names = "--offload_model",
      description =
          "True to let networks leave memory when they have done their part, False to keep them all"
              + " (default: on a GPU they stay where all of them fit, else, and on the CPU, True).")
  private String offload;

  @Option(names = "--t5_cpu", description = "Run the text encoder on the CPU.")
  private boolean textOnCpu;

  @Option(
      names = "--convert_model_dtype",
      description = "Hold weights in the device's type; on a GPU they always are.")
  private boolean convertModelType;

  @Option(
      names = "--speed",
      paramLabel = "NAME",
      description =
          "exact: bf16, every forward; balanced: on a GPU --quantize and --attention int8, and"
              + " --cache easycache with --easycache_steps 3 and --easycache_thresh 0.2; fast: the"
              + " same with 0.5. A flag that is given wins (default: what the checkpoint stores,"
              + " every forward).")
  private String speed;

  @Mixin private CacheOptions caches;

  @Option(
      names = "--magcache_calibration",
      arity = "0..1",
      fallbackValue = "magcache-ratios.json",
      description =
          "Measure MagCache's ratios and write them to a file (default: magcache-ratios.json).")
  private Path calibration;

  @Mixin private CompileOptions compile;
  @Mixin private OutputOptions output;
  @Mixin private ReportOptions report;
  @Mixin private ArithmeticOptions arithmetic;
  @Mixin private QuantizationOptions quantization;
  @Mixin private AttentionOptions attention;
  @Mixin private LoraOptions loras;

  @Override
  public Integer call() {
    return Launched.work(spec.commandLine(), ranks.timeout(), this::make);
  }

  /// Makes what the flags say; each process of a job does, and the first one writes.
  private int make() {
    batch.check();
    requireCommon();
    if (batch.file() != null) {
      return many();
    }
    checkFlags();
    ranks.requireTogether();
    if (Job.isFirst()) {
      output.check();
    }
    Interruption.heed();
    if (calibration != null) {
      PendingFile.requireWritable(calibration);
    }
    String absence = device == null ? Device.absence() : null;
    Device where = device(absence).device();
    if (convertModelType && where == Device.CPU) {
      throw new InputException(
          "--convert_model_dtype was given, but the CPU computes in float32 from weights as they"
              + " are stored; leave it out");
    }
    KeptSteps steps = output.steps();
    Path target;
    FrameBuffer kept = new FrameBuffer(); // filled where the video is compared
    ComparedRun compared;
    try (var progress = report.progress()) {
      EngineOptions options = options(where, absence, progress::says);
      try (VideoEngine engine = VideoEngine.open(options)) {
        requireTask(engine);
        requireTaskOfFlags(engine.task(), progress);
        VideoRequest request = request(engine.task(), progress);
        compared = output.isCompared() ? new ComparedRun(options, request, engine.recipe()) : null;
        target = target(engine.task(), request, progress);
        if (where == Device.CPU && !output.isResumed() && Job.isFirst()) {
          ProcessorPlan.of(options, engine.task(), request)
              .sentences(options, request)
              .forEach(progress::says);
        }
        run(engine, request, target, steps, compared == null ? null : kept, progress);
      }
      if (compared != null) {
        compared.run(Job.isFirst() ? kept.frames() : null, steps.latents(), target, progress);
      }
    }
    return 0;
  }

  /// Returns how the flags set an engine up; `absence` tells why the device is the CPU where none
  /// was asked for, or is null, and `notes` is told what is unusual.
  EngineOptions options(Device where, String absence, Consumer<String> notes) {
    Ranks together = ranks.ranks(where, device(absence).gpu(), textOnCpu);
    if (together.sharesGpu()) {
      notes.accept(
          "all processes of a host share GPU %d, as --device says, and exchange through host memory; without its number each takes the GPU of its LOCAL_RANK"
              .formatted(together.firstGpu()));
    }
    List<LoraFile> relighting = character.relighting(checkpoint, notes);
    List<LoraFile> files = new ArrayList<>(loras.files());
    files.addAll(relighting);
    return new EngineOptions(
        checkpoint,
        where,
        arithmetic.on(where, absence),
        quantization(where),
        files,
        loras.mode(!relighting.isEmpty()),
        offload(),
        textOnCpu,
        compile.recording(where),
        attention(where, arithmetic.on(where, absence)),
        together);
  }

  /// Returns how attention computes: a preset's where no flag says it and the GPU has it.
  private AttentionSettings attention(Device where, Arithmetic computed) {
    Speed preset = Speed.of(speed);
    return preset == null || attention.isGiven()
        ? attention.settings()
        : preset.attention(
            where, where == Device.CUDA && AttentionChoice.fitsGpu(checkpoint, computed));
  }

  private Quantization quantization(Device where) {
    Speed preset = Speed.of(speed);
    return preset == null || quantization.isGiven()
        ? quantization.quantization()
        : preset.quantization(where);
  }

  private void requireTask(VideoEngine engine) {
    if (task != null && Task.of(task) != engine.task()) {
      throw new InputException(
          "%s is a checkpoint of %s, but --task got %s; give the folder of that task's checkpoint"
              .formatted(checkpoint, engine.task().spelling(), task));
    }
  }

  /// Makes the videos of a list of requests with networks that are loaded once.
  private int many() {
    requireCheckpoint();
    if (calibration != null || clips.hasFile() || output.keepsMore()) {
      throw new InputException(
          "--requests was given with --prompt_file, --magcache_calibration, --compare or"
              + " --save_latents, which are for one request; leave them out");
    }
    List<RequestList.Line> lines = RequestList.read(batch.file());
    Path folder = output.folder();
    Interruption.heed();
    String absence = device == null ? Device.absence() : null;
    Device where = device(absence).device();
    Batch requests = new Batch(spec.commandLine(), folder, batch.overwrites());
    try (var progress = report.progress()) {
      EngineOptions options = options(where, absence, progress::says);
      if (ranks.areApart()) {
        return requests.makeApart(lines, progress, places(options));
      }
      try (VideoEngine engine = VideoEngine.open(options)) {
        requireTask(engine);
        return requests.make(lines, progress, one -> one.make(engine, progress));
      }
    }
  }

  /// Returns the GPUs of which each makes requests of its own.
  private List<Batch.Place> places(EngineOptions options) {
    if (options.ranks().shards().isAsked()) {
      throw new InputException(
          "--dit_fsdp or --t5_fsdp was given for GPUs that make videos of their own, which divide"
              + " no weights; leave it out");
    }
    int first = Backends.firstGpu(options.ranks());
    return IntStream.range(first, first + options.ranks().count())
        .mapToObj(gpu -> place(options.with(Ranks.ALONE.from(gpu)), "cuda:" + gpu))
        .toList();
  }

  private Batch.Place place(EngineOptions options, String name) {
    Reporter progress = report.progress(name);
    return new Batch.Place(
        progress,
        () -> {
          VideoEngine engine = VideoEngine.open(options);
          try {
            requireTask(engine);
            return new OnEngine(engine, progress);
          } catch (RuntimeException | Error e) {
            engine.close();
            throw e;
          }
        });
  }

  /// Makes requests on an engine of its own.
  private record OnEngine(VideoEngine engine, Reporter progress) implements Batch.Maker {
    @Override
    public void make(GenerateCommand one) {
      one.make(engine, progress);
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  /// Makes this one request on an engine that is there.
  void make(VideoEngine engine, Reporter progress) {
    checkFlags();
    output.check();
    requireTaskOfFlags(engine.task(), progress);
    VideoRequest request = request(engine.task(), progress);
    Path target = target(engine.task(), request, progress);
    run(engine, request, target, output.steps(), null, progress);
  }

  /// Throws `InputException` for flags that the processes of a job cannot follow together.
  private void requireCommon() {
    if (Job.present() != null && batch.file() != null) {
      throw new InputException(
          "--requests was given to the processes of a launcher, which make one video together;"
              + " start wan4j once, without it, with --gpus and --ulysses_size 1 to make one on"
              + " each GPU");
    }
    if (Job.present() != null && speech.isSynthesised()) {
      throw new InputException(
          "--enable_tts was given to the processes of a launcher, of which each would ask for a"
              + " sound of its own; make the sound before and give it with --audio");
    }
  }

  /// Returns the video's file, which the process that writes it has checked.
  private Path target(Task kind, VideoRequest request, Reporter progress) {
    if (!Job.isFirst()) {
      return output.file(kind, request.prompt(), request.size());
    }
    Path target = output.target(kind, request);
    output.leftovers(target).forEach(progress::says);
    return target;
  }

  private void run(
      VideoEngine engine,
      VideoRequest request,
      Path target,
      KeptSteps steps,
      FrameBuffer kept,
      Reporter progress) {
    Recovery recovery = output.recovery(target);
    if (!Job.isFirst()) {
      try {
        engine.generate(request, recovery, _ -> {}, progress, _ -> {});
        var _ = engine.peakBytes(); // of all
      } finally {
        close(request);
      }
      return;
    }
    Preview preview = output.preview(target);
    Reporter told = preview == null ? progress : new PreviewReporter(progress, preview);
    VideoRequest whole = request;
    if (output.isResumed() && sampling.seed() == null) {
      whole = request.with(request.sampling().withSeed(recovery.seed()));
    }
    VideoSettings settings = settings(engine.task(), whole.source(), target, progress::says);
    try (LateVideo video = new LateVideo(target, settings)) {
      try {
        engine.generate(whole, recovery, kept == null ? video : video.and(kept), told, steps);
      } catch (RuntimeException | Error e) {
        if (engine.task() == Task.S2V_14B || engine.task() == Task.ANIMATE_14B || clips.areMany()) {
          keepWholeClips(video, target, e, progress);
        }
        throw e;
      }
      progress.timed("save", video::finish);
      recovery.delete();
      if (preview != null) {
        preview.delete();
      }
      progress.finished(target, whole.sampling().seed(), engine.peakBytes());
    } catch (RuntimeException | Error e) {
      String note =
          output.note(target, recovery, e instanceof CancellationException, calibration != null);
      if (note.isEmpty()) {
        throw e;
      }
      throw new Unfinished(e, note);
    } finally {
      close(request);
    }
  }

  private static void close(VideoRequest request) {
    if (request.source() instanceof Source.Animation driven) {
      driven.videos().close();
    }
  }

  /// Returns how the video is written: with the sound of the speaker, or at the rate and with the
  /// sound of the driving video.
  private VideoSettings settings(Task kind, Source source, Path target, Consumer<String> notes) {
    boolean holdsSound = VideoFormat.of(target).holdsSound();
    if (source instanceof Source.Animation driven) {
      Sound sound = driven.videos().soundOfVideo();
      if (sound.length() > 0 && !holdsSound) {
        notes.accept("%s cannot hold the driving video's sound".formatted(target));
        sound = Sound.NONE;
      }
      return output.settings(driven.videos().pose().framesPerSecond(), sound);
    }
    return output.settings(
        kind.defaults().framesPerSecond(), speech.track(holdsSound, target, notes));
  }

  /// Ends a video of clips of which some are there when others cannot be made, so that they can be
  /// watched; a run that is resumed writes it anew.
  private static void keepWholeClips(
      LateVideo video, Path target, Throwable failure, Reporter progress) {
    if (!video.hasBegun() || VideoFormat.of(target) == VideoFormat.FOLDER) {
      return;
    }
    try {
      video.finish();
      progress.says("%s has what was made so far".formatted(target));
    } catch (RuntimeException e) { // what failed may be the writing
      failure.addSuppressed(e);
    }
  }

  private DeviceName device(String absence) {
    return device == null ? DeviceName.preferred(absence) : DeviceName.of(device);
  }

  private Offload offload() {
    return offload == null
        ? Offload.WHERE_NEEDED
        : Offload.of(Flags.isTrue("--offload_model", offload, true));
  }

  private void requireCheckpoint() {
    if (checkpoint == null) {
      throw new InputException(
          "no checkpoint was given; give the folder of the download with --ckpt_dir");
    }
  }

  /// Throws `InputException` for flags that do not go together.
  void checkFlags() {
    requireCheckpoint();
    clips.check();
    caches.check();
    if (calibration != null && caches.isUsed()) {
      throw new InputException(
          "--magcache_calibration and a cache were both given; calibrate first, then use");
    }
    if (output.isResumed() && calibration != null) {
      throw new InputException(
          "--resume and --magcache_calibration were both given, but resuming runs no step to"
              + " measure; give one of them");
    }
  }

  /// Throws `InputException` for flags that the task cannot use; what it ignores is said.
  private void requireTaskOfFlags(Task kind, Reporter progress) {
    speech.check(kind);
    character.check(kind);
    if (kind == Task.S2V_14B || kind == Task.ANIMATE_14B || clips.areMany()) {
      output.requireNoSteps(kind);
    }
    if (kind == Task.S2V_14B && frames != null) {
      progress.says(
          "--frame_num is ignored: the sound gives the video's length, and --infer_frames that of a"
              + " clip");
    }
  }

  /// Returns the request of the flags for a task.
  VideoRequest request(Task kind, Reporter progress) {
    String words = clips.prompt(kind);
    VideoSize wanted = size(kind);
    Source source = source(kind, words, wanted, progress);
    return new VideoRequest(
        words,
        negativePrompt,
        source,
        source instanceof Source.Animation driven ? sizeOf(driven, wanted, progress) : wanted,
        sampling.of(kind, Speed.of(speed)),
        cache(kind),
        List.of(),
        clips.plan(kind));
  }

  private Source source(Task kind, String words, VideoSize size, Reporter progress) {
    Picture picture = image.picture(progress::says);
    if (kind == Task.S2V_14B) {
      return speech.source(
          picture, output.file(kind, words, size), output.isResumed(), progress::says);
    }
    if (kind == Task.ANIMATE_14B) {
      if (picture != null) {
        throw new InputException(
            "--image was given, but %s takes its picture from --src_root_path; leave it out"
                .formatted(kind.spelling()));
      }
      return character.source(progress::says);
    }
    return picture == null ? Source.TEXT : new Source.Image(picture, image.last(progress::says));
  }

  /// Returns the size of a driving video, whatever was asked for.
  private VideoSize sizeOf(Source.Animation source, VideoSize wanted, Reporter progress) {
    FrameSource pose = source.videos().pose();
    VideoSize own = new VideoSize(pose.width(), pose.height(), wanted.frames());
    if (size != null && !own.sides().equals(wanted.sides())) {
      progress.says(
          "--size got %s, but the driving video is %s, which the result is too"
              .formatted(wanted.sides(), own.sides()));
    }
    return own;
  }

  private CacheSettings cache(Task kind) {
    if (calibration != null) {
      return new CacheSettings.Calibration(calibration);
    }
    Speed preset = Speed.of(speed);
    return preset == null || caches.isGiven() ? caches.settings(kind) : preset.cache(kind);
  }

  private VideoSize size(Task kind) {
    VideoSize wanted =
        kind.size(size, kind == Task.S2V_14B ? Integer.valueOf(speech.firstFrames()) : frames);
    if (kind == Task.ANIMATE_14B) {
      return wanted; // the driving video decides
    }
    if (!anySize && !kind.sizes().contains(wanted.sides())) {
      throw new InputException(
          "--size got %s, which %s was not trained for; give one of %s, or add --any_size"
              .formatted(wanted.sides(), kind.spelling(), String.join(", ", kind.sizes())));
    }
    return wanted;
  }
}
