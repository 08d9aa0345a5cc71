package wan4j.preprocess;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import wan4j.Progress;
import wan4j.files.FilePrint;
import wan4j.files.InputFile;
import wan4j.files.PendingFile;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.Sizing.Size;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.VideoReader;
import wan4j.media.VideoTimes;
import wan4j.onnx.OnnxRuntime;
import wan4j.tensor.InputException;

/// Makes the folder that Animate takes of a driving video and a picture of a character (Wan2.2
/// 42bf4cf, wan/modules/animate/preprocess/process_pipepline.py). Frames are read, looked at and
/// written one by one, so that memory does not grow with the video.
public final class AnimatePreprocessing {
  private static final int STEP = 16; // sides are multiples of it
  private static final float LEAST_SCORE = 0.3f; // of a nose and neck that retargeting needs
  private static final String POINTS = "points";

  private final PreprocessRequest request;
  private final Progress progress;
  private final VideoTimes times;
  private final Findings findings = new Findings();
  private final double rate;
  private final int[] indices;
  private Picture character;
  private Size size; // of the files' frames

  private AnimatePreprocessing(PreprocessRequest request, Progress progress) {
    this.request = request;
    this.progress = progress;
    times = progress.timed("read", () -> VideoTimes.of(request.video()));
    rate = request.framesPerSecond() < 0 ? times.framesPerSecond() : request.framesPerSecond();
    indices = times.at(rate);
  }

  /// Makes a folder; throws `InputException` when the files, networks or settings cannot be used,
  /// and `CancellationException` when that is asked for.
  public static void run(PreprocessRequest request, Progress progress) {
    InputFile.require(request.video(), "a driving video");
    InputFile.require(request.picture(), "a picture of the character");
    NetworkFinder.files(request.networks());
    List<Path> sam2 =
        request.isReplacement() && request.masks() == null
            ? Sam2Masks.files(request.networks())
            : List.of();
    requireWritable(request.folder());
    OnnxRuntime runtime = OnnxRuntime.load(request.runtimeJar(), request.processor());
    progress.says("ONNX Runtime " + runtime.description());
    var preprocessing = new AnimatePreprocessing(request, progress);
    try (PersonFinder finder =
        progress.timed("load", () -> NetworkFinder.open(request.networks(), runtime))) {
      preprocessing.choose();
      try (MaskSource masks = preprocessing.masks(sam2, runtime)) {
        preprocessing.make(finder, masks);
      }
    }
  }

  /// Makes a folder with a finder and masks of its own, for tests; masks are null but for a
  /// replacement.
  static void run(
      PreprocessRequest request, PersonFinder finder, MaskSource masks, Progress progress) {
    requireWritable(request.folder());
    var preprocessing = new AnimatePreprocessing(request, progress);
    preprocessing.choose();
    preprocessing.make(finder, masks);
  }

  private static void requireWritable(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw PendingFile.failure(folder, e);
    }
    PendingFile.requireWritable(folder.resolve(AnimateFolder.POSES));
  }

  /// Reads the character, chooses the size and says what is unusual about the video.
  private void choose() {
    character =
        PictureReader.read(request.picture(), PictureReader.Orientation.APPLY, progress::says);
    size =
        request.isReplacement()
            ? sizeOf(request.video(), times.width(), times.height())
            : sizeOf(request.picture(), character.width(), character.height());
    if (times.quarterTurns() != 0) {
      progress.says(
          "%s is turned by %d degrees, as its camera says"
              .formatted(request.video(), times.quarterTurns() * 90));
    }
    if (times.isVariable()) {
      progress.says(
          String.format(
              Locale.ROOT,
              "%s shows its frames for different times; those nearest in time are taken for %.2f a"
                  + " second, where the reference counts frames",
              request.video(),
              rate));
    }
    progress.says(
        String.format(
            Locale.ROOT,
            "%d frames of %dx%d at %.2f a second become %d of %dx%d at %.2f a second",
            times.count(),
            times.width(),
            times.height(),
            times.framesPerSecond(),
            indices.length,
            size.width(),
            size.height(),
            rate));
  }

  private Size sizeOf(Path file, int width, int height) {
    int[] sides = OpenCvResize.sidesOfArea(width, height, request.area(), STEP);
    if (sides[0] < STEP || sides[1] < STEP) {
      throw new InputException(
          "%s is %dx%d, too long and narrow for frames of %,d pixels; crop it, or give a larger --resolution_area"
              .formatted(file, width, height, request.area()));
    }
    return new Size(sides[0], sides[1]);
  }

  private MaskSource masks(List<Path> sam2, OnnxRuntime runtime) {
    if (!request.isReplacement()) {
      return null;
    }
    if (request.masks() != null) {
      return MaskVideo.open(request.masks(), request.video(), times, size);
    }
    progress.says(
        "masks come from SAM2's image networks, each frame prompted with its own points; they"
            + " differ from the reference's, which follow the person through the video");
    return Sam2Masks.open(sam2, runtime);
  }

  // ---- the frames

  private void make(PersonFinder finder, MaskSource masks) {
    if (request.goesOn() && !KeptFrames.areIn(request.folder())) {
      progress.says(
          "there is nothing to go on from in %s; all frames are looked at"
              .formatted(request.folder()));
    }
    Sheet sheet = new Sheet(indices.length);
    Retargeter retargeter = new Retargeter(finder);
    if (request.isRetargeted()) {
      retargeter.lookAtCharacter(sheet);
    }
    try (KeptFrames kept = KeptFrames.open(request.folder(), settings(masks), request.goesOn());
        AnimateFolder folder = new AnimateFolder(request.folder(), rate, request.isReplacement())) {
      if (kept.count() > 0) {
        progress.says("%d frames are known from the interrupted run".formatted(kept.count()));
      }
      FrameFinder frames = new FrameFinder(finder, masks, kept);
      progress.timed(POINTS, () -> read(frames, retargeter, folder, sheet));
      if (findings.hasNoFace()) {
        throw new InputException(
            "no face was found in any frame of %s; give a video that shows the person's face"
                .formatted(request.video()));
      }
      progress.timed(
          "save",
          () -> {
            folder.finish(character, sound(), sheet);
            kept.remove();
          });
    }
    findings.sentences().forEach(progress::says);
    progress.says(
        "%s is ready; look at %s in it, then: wan4j generate --task animate-14B --src_root_path %s%s"
            .formatted(
                request.folder(),
                AnimateFolder.SHEET,
                request.folder(),
                request.isReplacement() ? " --replace_flag" : ""));
  }

  /// What findings of an interrupted run depend on.
  private String settings(MaskSource masks) {
    List<Path> files = new ArrayList<>(List.of(request.video()));
    if (request.networks() != null) {
      files.addAll(NetworkFinder.files(request.networks()));
    }
    if (masks != null) {
      files.addAll(masks.networks());
    }
    return "%s %d %b %dx%d"
        .formatted(
            FilePrint.of(files),
            request.framesPerSecond(),
            request.isReplacement(),
            request.isReplacement() ? size.width() : times.width(),
            request.isReplacement() ? size.height() : times.height());
  }

  private void read(FrameFinder frames, Retargeter retargeter, AnimateFolder folder, Sheet sheet) {
    Pose before = null;
    try (VideoReader reader = VideoReader.open(request.video())) {
      int next = 0;
      for (int number = 0; next < indices.length; number++) {
        Picture stored =
            reader
                .next()
                .orElseThrow(() ->
                    new InputException(
                        "%s became shorter while it was read".formatted(request.video())));
        if (indices[next] > number) {
          continue;
        }
        Picture picture = request.isReplacement() ? OpenCvResize.fit(stored, size) : stored;
        Frame frame = frames.frame(number, picture, before);
        before = frame.pose;
        while (next < indices.length && indices[next] == number) {
          long start = System.nanoTime();
          write(frame, next, retargeter, folder, sheet);
          next++;
          Duration time = Duration.ofNanos(frame.nanos + System.nanoTime() - start);
          progress.stepped(new Progress.Step(next, indices.length, POINTS, 1, 0, time));
        }
        if (progress.isCancelled()) {
          throw new CancellationException("preprocessing was cancelled");
        }
      }
    }
  }

  private void write(
      Frame frame, int index, Retargeter retargeter, AnimateFolder folder, Sheet sheet) {
    Picture face = FaceBox.of(frame.pose).cut(frame.picture).orElse(null);
    findings.add(frame.found, frame.pose, face != null);
    Picture added = folder.addFace(face);
    Picture drawn = retargeter.draw(frame.pose, index == 0);
    folder.addPose(drawn);
    boolean isShown = sheet.shows(index);
    if (isShown) {
      sheet.add(
          "driving video, what was found", Sheet.withFound(frame.picture, frame.found, frame.pose));
      sheet.add(AnimateFolder.POSES, Sheet.withThickLines(drawn));
      sheet.add(
          AnimateFolder.FACES,
          added == null ? new Canvas(FaceBox.SIDE, FaceBox.SIDE).picture() : added);
    }
    if (frame.mask != null) {
      if (frame.mask.isEmpty()) {
        findings.hasNoMask();
      }
      Bitmap mask = request.shape().shape().of(frame.mask);
      Picture background = mask.background(frame.picture);
      folder.addMask(background, mask.picture());
      if (isShown) {
        sheet.add(AnimateFolder.MASK, mask.picture());
        sheet.add(AnimateFolder.BACKGROUND, background);
      }
    }
  }

  private Sound sound() {
    return times.hasSound() ? SoundReader.read(request.video()) : Sound.NONE;
  }

  /// A frame of the driving video and what was found in it; `nanos` is how long that took.
  private record Frame(
      Picture picture, PersonFinder.Found found, Pose pose, Bitmap mask, long nanos) {}

  /// Looks at frames, or takes what an interrupted run has found in them.
  private final class FrameFinder {
    private final PersonFinder finder;
    private final MaskSource masks;
    private final KeptFrames kept;
    private boolean isEstimated;

    FrameFinder(PersonFinder finder, MaskSource masks, KeptFrames kept) {
      this.finder = finder;
      this.masks = masks;
      this.kept = kept;
    }

    Frame frame(int number, Picture picture, Pose before) {
      long start = System.nanoTime();
      KeptFrames.Kept known = kept.get(number);
      PersonFinder.Found found = known == null ? finder.find(picture) : known.found();
      Pose pose = Pose.of(found.points(), picture.width(), picture.height()).orBodyOf(before);
      Bitmap mask = known == null ? null : known.mask();
      if (mask == null && masks != null) {
        mask = masks.mask(number, picture, pose);
      }
      if (known == null) {
        kept.put(number, new KeptFrames.Kept(found, areMasksMade() ? mask : null));
        estimate(number, picture, pose);
      }
      return new Frame(picture, found, pose, mask, System.nanoTime() - start);
    }

    /// Says whether networks make the masks.
    private boolean areMasksMade() {
      return masks != null && !masks.networks().isEmpty();
    }

    /// Looks at the first frame once more, now that everything is loaded, and says how long the
    /// others will take.
    private void estimate(int number, Picture picture, Pose pose) {
      if (isEstimated) {
        return;
      }
      isEstimated = true;
      long start = System.nanoTime();
      PersonFinder.Found _ = finder.find(picture);
      if (areMasksMade()) {
        Bitmap _ = masks.mask(number, picture, pose);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      long left =
          Arrays.stream(indices)
              .distinct()
              .filter(index -> index != number && kept.get(index) == null)
              .count();
      long all = Math.round(seconds * left);
      progress.says(
          String.format(
              Locale.ROOT,
              "%d frames at about %.2f s each take about %d:%02d min",
              left,
              seconds,
              all / 60,
              all % 60));
    }
  }

  /// Draws poses as they are, or in the character's proportions.
  private final class Retargeter {
    private final PersonFinder finder;
    private Pose characterPose;
    private Pose editedCharacter;
    private Pose editedFirst;
    private Retargeting retargeting; // made of the first frame

    Retargeter(PersonFinder finder) {
      this.finder = finder;
    }

    void lookAtCharacter(Sheet sheet) {
      Picture fitted = OpenCvResize.fit(character, size);
      PersonFinder.Found found = finder.find(fitted);
      characterPose = pose(found, fitted);
      requirePerson(request.picture(), characterPose);
      sheet.add("character, what was found", Sheet.withFound(fitted, found, characterPose));
      if (request.editedPicture() != null) {
        editedCharacter = edited(request.editedPicture(), size, sheet);
        Size driving = new Size(times.width(), times.height());
        editedFirst = edited(request.editedFrame(), driving, sheet);
      }
    }

    private Pose edited(Path file, Size wanted, Sheet sheet) {
      Picture picture =
          OpenCvResize.letterbox(
              PictureReader.read(file, PictureReader.Orientation.APPLY, progress::says),
              wanted.width(),
              wanted.height(),
              OpenCvResize.Filter.LINEAR);
      PersonFinder.Found found = finder.find(picture);
      Pose pose = pose(found, picture);
      requirePerson(file, pose);
      sheet.add(
          "%s, what was found".formatted(file.getFileName()),
          Sheet.withFound(picture, found, pose));
      return pose;
    }

    private static Pose pose(PersonFinder.Found found, Picture picture) {
      return Pose.of(found.points(), picture.width(), picture.height());
    }

    private static void requirePerson(Path file, Pose pose) {
      if (pose.score(Pose.NOSE) < LEAST_SCORE || pose.score(Pose.NECK) < LEAST_SCORE) {
        throw new InputException(
            "no person with a face was found in %s, which --retarget_flag takes proportions from; give a picture that shows face and shoulders, or leave out --retarget_flag"
                .formatted(file));
      }
    }

    Picture draw(Pose pose, boolean isFirst) {
      if (!request.isRetargeted()) {
        Picture drawn = PoseDrawing.draw(pose.skeleton(), pose.width(), pose.height());
        return request.isReplacement()
            ? drawn
            : OpenCvResize.letterbox(
                drawn, size.width(), size.height(), OpenCvResize.Filter.LINEAR);
      }
      if (isFirst) {
        retargeting =
            editedFirst == null
                ? new Retargeting(pose, characterPose)
                : new Retargeting(pose, characterPose, editedFirst, editedCharacter);
      }
      return PoseDrawing.draw(retargeting.apply(pose, isFirst), size.width(), size.height());
    }
  }
}
