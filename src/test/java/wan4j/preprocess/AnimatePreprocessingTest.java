package wan4j.preprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import wan4j.Progress;
import wan4j.media.Clip;
import wan4j.media.Picture;
import wan4j.media.PictureReader;
import wan4j.media.PictureWriter;
import wan4j.media.Sound;
import wan4j.media.SoundReader;
import wan4j.media.VideoReader;
import wan4j.media.VideoSettings;
import wan4j.media.VideoWriter;
import wan4j.onnx.OnnxRuntime;
import wan4j.preprocess.PreprocessRequest.MaskSettings;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Whole folders of a clip of a drawn person, through ONNX Runtime.
class AnimatePreprocessingTest {
  private static final int WIDTH = 256;
  private static final int HEIGHT = 320;
  private static final int FRAMES = 5;
  private static final double SIZE = 280;
  private static final MaskSettings RAW = new MaskSettings(0, 7, 1, 1);

  @TempDir static Path shared;
  @TempDir Path folder;

  /// Takes down what is said, and can cancel after some frames.
  private static final class Told implements Progress {
    private final List<String> sentences = new ArrayList<>();
    private int steps;
    private int most = Integer.MAX_VALUE;

    @Override
    public void begins(String stage) {}

    @Override
    public void ends(String stage, Duration time) {}

    @Override
    public void stepped(Step step) {
      steps++;
    }

    @Override
    public void says(String sentence) {
      sentences.add(sentence);
    }

    @Override
    public boolean isCancelled() {
      return steps >= most;
    }
  }

  private final Told told = new Told();

  @BeforeAll
  static void writeInputs() throws IOException {
    DrawnPerson.writeNetworks(shared.resolve("process_checkpoint"));
    writeClip(shared.resolve("dance.mkv"), List.of(0, 1, 2, 3, 4), true);
    PictureWriter.write(DrawnPerson.draw(320, 320, 160, 60, 200), shared.resolve("me.png"));
  }

  private static Picture frame(int index) {
    return DrawnPerson.draw(WIDTH, HEIGHT, 110 + 5 * index, 20, SIZE);
  }

  /// Writes frames of the dance; a negative one shows nobody.
  private static void writeClip(Path file, List<Integer> frames, boolean withSound) {
    Sound sound = withSound ? Sound.of(16_000, new float[16_000]) : Sound.NONE;
    try (VideoWriter writer = VideoWriter.open(file, new VideoSettings(10, 18, sound))) {
      for (int index : frames) {
        Picture picture = index < 0 ? new Canvas(WIDTH, HEIGHT).picture() : frame(index);
        writer.accept(picture.pixels().reshape(1, HEIGHT, WIDTH, 3));
      }
      writer.finish();
    }
  }

  private PreprocessRequest request(
      Path video, boolean isReplacement, boolean isRetargeted, MaskSettings shape, Path masks) {
    return new PreprocessRequest(
        video,
        shared.resolve("me.png"),
        folder.resolve("work"),
        shared.resolve("process_checkpoint"),
        (long) WIDTH * HEIGHT,
        -1,
        isReplacement,
        isRetargeted,
        null,
        null,
        shape,
        masks,
        null,
        OnnxRuntime.Processor.CPU,
        false);
  }

  private Clip made(String name) {
    return VideoReader.read(folder.resolve("work").resolve(name));
  }

  private Path dance() {
    return shared.resolve("dance.mkv");
  }

  @Test
  void animationHasPosesFacesTheCharacterTheSoundAndASheet() {
    AnimatePreprocessing.run(request(dance(), false, false, RAW, null), told);

    Clip poses = made("src_pose.mp4");
    assertThat(poses.frames().shape().toArray()).containsExactly(FRAMES, 272, 272, 3);
    assertThat(poses.framesPerSecond()).isEqualTo(10);
    assertThat(made("src_face.mp4").frames().shape().toArray())
        .containsExactly(FRAMES, 512, 512, 3);
    assertThat(PictureReader.read(folder.resolve("work/src_ref.png")).rgb())
        .isEqualTo(PictureReader.read(shared.resolve("me.png")).rgb());
    assertThat(SoundReader.read(folder.resolve("work/src_sound.wav")).rate()).isEqualTo(16_000);
    assertThat(folder.resolve("work/sheet.png")).isRegularFile();
    assertThat(folder.resolve("work")).isDirectoryNotContaining("glob:**src_{bg,mask}.mp4");
    assertThat(folder.resolve("work")).isDirectoryNotContaining("glob:**.found*");
    assertThat(told.steps).isEqualTo(FRAMES);
    assertThat(told.sentences).anyMatch(each -> each.matches("4 frames at about .* min"));

    assertThat(brightest(poses.frames().at(3), shoulder(3)[0], shoulder(3)[1], 3))
        .isGreaterThan(90);
  }

  /// Returns the brightest value of red near a pixel.
  private static int brightest(Tensor frame, int x, int y, int radius) {
    Picture picture = Picture.of(frame);
    int brightest = 0;
    for (int row = y - radius; row <= y + radius; row++) {
      for (int column = x - radius; column <= x + radius; column++) {
        brightest = Math.max(brightest, picture.rgb()[(row * picture.width() + column) * 3] & 0xFF);
      }
    }
    return brightest;
  }

  @Test
  void theNetworksFindThePointsThatWereDrawn() {
    OnnxRuntime runtime = OnnxRuntime.load(null, OnnxRuntime.Processor.CPU);
    try (PersonFinder finder = NetworkFinder.open(shared.resolve("process_checkpoint"), runtime)) {
      PersonFinder.Found found = finder.find(frame(2));
      assertThat(found.box().left()).isBetween(45.0, 75.0);
      assertThat(found.box().bottom()).isBetween(285.0, 305.0);
      for (int i = 0; i < Pose.WHOLE_BODY; i++) {
        double[] point = DrawnPerson.point(i, 120, 20, SIZE);
        assertThat(found.points()[i * 3 + 2]).as("score of %d", i).isGreaterThan(0.4f);
        assertThat((double) found.points()[i * 3])
            .as("x of %d", i)
            .isBetween(point[0] - 5, point[0] + 5);
        assertThat((double) found.points()[i * 3 + 1])
            .as("y of %d", i)
            .isBetween(point[1] - 5, point[1] + 5);
      }
    }
  }

  @Test
  void retargetedPosesHaveTheCharactersPlaceAndSize() {
    AnimatePreprocessing.run(request(dance(), false, true, RAW, null), told);

    // The character stands from 60 to 260 of 320, so that its neck is at 114; its picture becomes
    // 272 high.
    Tensor first = made("src_pose.mp4").frames().at(0);
    double[] neck = DrawnPerson.point(6, 160, 60, 200);
    int y = (int) (neck[1] * 272 / 320);
    assertThat(brightest(first, (int) ((neck[0] + 8) * 272 / 320), y, 3)).isGreaterThan(90);
    double[] ankle = DrawnPerson.point(16, 160, 60, 200);
    assertThat(lowest(first))
        .isBetween((int) (ankle[1] * 272 / 320) - 6, (int) (262.0 * 272 / 320));
  }

  @Test
  void proportionsAreThoseOfTheEditedPictures() {
    Path video = folder.resolve("one.mkv");
    writeClip(video, List.of(2), false);
    Path small = folder.resolve("small.png");
    PictureWriter.write(DrawnPerson.draw(320, 320, 160, 40, 250), small);
    Path large = folder.resolve("large.png");
    PictureWriter.write(DrawnPerson.draw(WIDTH, HEIGHT, 128, 10, 300), large);
    PreprocessRequest plain = request(video, false, true, RAW, null);
    AnimatePreprocessing.run(plain, told);
    int height = highest(made("src_pose.mp4").frames().at(0));
    AnimatePreprocessing.run(
        new PreprocessRequest(
            video,
            plain.picture(),
            plain.folder(),
            plain.networks(),
            plain.area(),
            -1,
            false,
            true,
            small,
            large,
            RAW,
            null,
            null,
            plain.processor(),
            false),
        told);
    // Edited into other sizes, both people have the same proportions still; so has the pose.
    assertThat(highest(made("src_pose.mp4").frames().at(0))).isBetween(height - 8, height + 8);
  }

  private static int highest(Tensor frame) {
    Picture picture = Picture.of(frame);
    for (int i = 0; i < picture.rgb().length; i++) {
      if ((picture.rgb()[i] & 0xFF) > 80) {
        return i / 3 / picture.width();
      }
    }
    return picture.height();
  }

  private static int lowest(Tensor frame) {
    Picture picture = Picture.of(frame);
    int lowest = 0;
    for (int i = 0; i < picture.rgb().length; i++) {
      lowest = (picture.rgb()[i] & 0xFF) > 80 ? i / 3 / picture.width() : lowest;
    }
    return lowest;
  }

  @Test
  void replacementTakesItsMasksFromAVideo() {
    Path masks = folder.resolve("masks.mkv");
    try (VideoWriter writer = VideoWriter.open(masks, VideoSettings.silent(10))) {
      for (int i = 0; i < FRAMES; i++) {
        byte[] rgb = frame(i).rgb().clone();
        for (int j = 0; j < rgb.length; j += 3) {
          boolean isPerson = rgb[j] != 0 || rgb[j + 1] != 0 || rgb[j + 2] != 0;
          rgb[j] = rgb[j + 1] = rgb[j + 2] = (byte) (isPerson ? 255 : 0);
        }
        writer.accept(new Picture(WIDTH, HEIGHT, rgb).pixels().reshape(1, HEIGHT, WIDTH, 3));
      }
      writer.finish();
    }
    AnimatePreprocessing.run(request(dance(), true, false, RAW, masks), told);

    Tensor mask = made("src_mask.mp4").frames().at(3);
    Tensor background = made("src_bg.mp4").frames().at(3);
    assertThat(mask.shape().toArray()).containsExactly(HEIGHT, WIDTH, 3);
    double[] nose = DrawnPerson.point(0, 125, 20, SIZE);
    assertThat(brightest(mask, (int) nose[0], (int) nose[1], 1)).isGreaterThan(240);
    assertThat(brightest(mask, 20, 20, 5)).isLessThan(16);
    assertThat(lowest(background)).as("nothing is left of the person").isZero();
  }

  @Test
  void replacementTakesItsMasksFromSam2AndGrowsThem() throws IOException {
    Path networks = folder.resolve("networks");
    DrawnPerson.writeNetworks(networks);
    DrawnPerson.writeSam2(networks.resolve("sam2"));
    PreprocessRequest request = request(dance(), true, false, new MaskSettings(3, 7, 1, 1), null);
    AnimatePreprocessing.run(withNetworks(request, networks), told);

    Tensor mask = made("src_mask.mp4").frames().at(0);
    double[] knee = DrawnPerson.point(13, 110, 20, SIZE);
    assertThat(brightest(mask, 110, (int) knee[1], 2)).as("between the legs").isGreaterThan(240);
    assertThat(brightest(mask, 12, (int) knee[1], 4)).isLessThan(16);
    assertThat(told.sentences).anyMatch(each -> each.contains("they differ from the reference's"));
  }

  private static PreprocessRequest withNetworks(PreprocessRequest request, Path networks) {
    return with(request, networks, request.framesPerSecond());
  }

  private static PreprocessRequest atRate(PreprocessRequest request, int framesPerSecond) {
    return with(request, request.networks(), framesPerSecond);
  }

  private static PreprocessRequest with(
      PreprocessRequest request, Path networks, int framesPerSecond) {
    return new PreprocessRequest(
        request.video(),
        request.picture(),
        request.folder(),
        networks,
        request.area(),
        framesPerSecond,
        request.isReplacement(),
        request.isRetargeted(),
        request.editedPicture(),
        request.editedFrame(),
        request.shape(),
        request.masks(),
        request.runtimeJar(),
        request.processor(),
        request.goesOn());
  }

  @Test
  void replacementWithoutMasksSaysHowToGetThem() {
    assertThatThrownBy(
            () -> AnimatePreprocessing.run(request(dance(), true, false, RAW, null), told))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--mask_video")
        .hasMessageContaining("samexporter");
  }

  @Test
  void masksOfAnotherSizeOrLengthAreRefused() {
    Path masks = folder.resolve("small.mkv");
    try (VideoWriter writer = VideoWriter.open(masks, VideoSettings.silent(10))) {
      writer.accept(new Canvas(64, 64).picture().pixels().reshape(1, 64, 64, 3));
      writer.finish();
    }
    assertThatThrownBy(
            () -> AnimatePreprocessing.run(request(dance(), true, false, RAW, masks), told))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("of 64x64, but")
        .hasMessageContaining("is 256x320");
    Path few = folder.resolve("few.mkv");
    writeClip(few, List.of(0, 1), false);
    assertThatThrownBy(
            () -> AnimatePreprocessing.run(request(dance(), true, false, RAW, few), told))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("with 2 frames, but")
        .hasMessageContaining("has 5; give a mask for each frame");
  }

  @Test
  void framesWithoutAPersonAreTakenWholeAndTold() {
    Path video = folder.resolve("empty.mkv");
    writeClip(video, List.of(-1, 0, 1, -1), false);
    AnimatePreprocessing.run(request(video, false, false, RAW, null), told);

    assertThat(told.sentences)
        .anyMatch(each -> each.startsWith("the detector found nobody in frames 1, 4;"))
        .anyMatch(each -> each.startsWith("no face was found in frames 1, 4;"));
    Tensor faces = made("src_face.mp4").frames();
    assertThat(brightest(faces.at(0), 256, 256, 200))
        .as("the first face there is")
        .isGreaterThan(90);
    assertThat(folder.resolve("work/src_sound.wav")).doesNotExist();
  }

  @Test
  void aVideoWithoutAnyFaceIsRefused() {
    Path video = folder.resolve("nobody.mkv");
    writeClip(video, List.of(-1, -1), false);
    assertThatThrownBy(
            () -> AnimatePreprocessing.run(request(video, false, false, RAW, null), told))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no face was found in any frame of");
    assertThat(folder.resolve("work/src_pose.mp4")).doesNotExist();
  }

  @Test
  void oneFrameIsEnough() {
    Path video = folder.resolve("one.mkv");
    writeClip(video, List.of(2), false);
    AnimatePreprocessing.run(request(video, false, false, RAW, null), told);
    assertThat(made("src_pose.mp4").frames().length(0)).isEqualTo(1);
  }

  @Test
  void aPersonCutOffByTheEdgeIsDrawnAsFarAsItIsSeen() {
    Path video = folder.resolve("edge.mkv");
    writePictures(video, List.of(DrawnPerson.draw(WIDTH, HEIGHT, 30, 20, SIZE)));
    AnimatePreprocessing.run(request(video, false, false, RAW, null), told);

    assertThat(told.sentences)
        .anyMatch(
            each -> each.startsWith("the person reaches the picture's edge in the only frame"))
        .anyMatch(each ->
            each.startsWith("in most frames these points were not found and are not drawn:")
                && each.contains("right elbow, right wrist")
                && !each.contains("left"));
  }

  private static void writePictures(Path file, List<Picture> pictures) {
    try (VideoWriter writer = VideoWriter.open(file, VideoSettings.silent(10))) {
      for (Picture picture : pictures) {
        writer.accept(picture.pixels().reshape(1, picture.height(), picture.width(), 3));
      }
      writer.finish();
    }
  }

  /// A phone held upright stores its pictures lying, and how they are to be turned.
  @Test
  void aVideoThatAPhoneTurnedIsTakenUpright() throws IOException {
    Picture upright = frame(2);
    byte[] lying = new byte[upright.rgb().length];
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        System.arraycopy(
            upright.rgb(), (y * WIDTH + x) * 3, lying, ((WIDTH - 1 - x) * HEIGHT + y) * 3, 3);
      }
    }
    Path video = folder.resolve("phone.mp4");
    writePictures(video, List.of(new Picture(/* width= */ HEIGHT, /* height= */ WIDTH, lying)));
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(video));
    int matrix = new String(bytes.array(), StandardCharsets.ISO_8859_1).indexOf("tkhd") + 44;
    int[] quarterTurn = {0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30};
    for (int i = 0; i < quarterTurn.length; i++) {
      bytes.putInt(matrix + i * 4, quarterTurn[i]);
    }
    Files.write(video, bytes.array());
    AnimatePreprocessing.run(request(video, false, false, RAW, null), told);

    assertThat(told.sentences)
        .contains(video + " is turned by 90 degrees, as its camera says")
        .anyMatch(each -> each.startsWith("1 frames of 256x320"));
    assertThat(brightest(made("src_pose.mp4").frames().at(0), shoulder(2)[0], shoulder(2)[1], 3))
        .isGreaterThan(90);
  }

  /// Returns where the limb of a frame's right shoulder is in the letterbox of an animation.
  private static int[] shoulder(int frame) {
    double scale = 272.0 / HEIGHT;
    int left = (272 - (int) (scale * WIDTH)) / 2;
    double[] point = DrawnPerson.point(6, 110 + 5 * frame, 20, SIZE);
    return new int[] {(int) (left + (point[0] + 12) * scale), (int) (point[1] * scale)};
  }

  /// The last of five frames is shown at 1.0 s in place of 0.4 s.
  @Test
  void framesOfAVariableRateAreTakenByTheirTimes() throws IOException {
    Path video = folder.resolve("uneven.mkv");
    writeClip(video, List.of(0, 1, 2, 3, 4), false);
    byte[] bytes = Files.readAllBytes(video);
    String text = new String(bytes, StandardCharsets.ISO_8859_1);
    String time = "\u00e7\u0082\u0001\u0090"; // of Matroska's fifth cluster, 400 ms
    int at = text.indexOf(time);
    assertThat(at).isPositive().isEqualTo(text.lastIndexOf(time));
    ByteBuffer.wrap(bytes).putShort(at + 2, (short) 1000);
    Files.write(video, bytes);
    PreprocessRequest request = request(video, false, false, RAW, null);
    AnimatePreprocessing.run(atRate(request, 10), told);

    assertThat(told.sentences).anyMatch(each -> each.contains("shows its frames for different"));
    Tensor poses = made("src_pose.mp4").frames();
    assertThat(poses.length(0)).isEqualTo(11);
    assertThat(brightest(poses.at(10), shoulder(4)[0], shoulder(4)[1], 3)).isGreaterThan(90);
    assertThat(brightest(poses.at(5), shoulder(3)[0], shoulder(3)[1], 3)).isGreaterThan(90);
  }

  @Test
  void aLargeVideoGivesFramesOfTheAreaThatIsAskedFor() {
    Path video = folder.resolve("large.mkv");
    writePictures(video, List.of(DrawnPerson.draw(3840, 2160, 1900, 100, 1900)));
    Path masks = folder.resolve("masks.mkv");
    writePictures(masks, List.of(DrawnPerson.draw(3840, 2160, 1900, 100, 1900)));
    AnimatePreprocessing.run(request(video, true, false, RAW, masks), told);

    assertThat(made("src_bg.mp4").frames().shape().toArray()).containsExactly(1, 208, 368, 3);
    assertThat(made("src_face.mp4").frames().shape().toArray()).containsExactly(1, 512, 512, 3);
    assertThat(told.sentences).noneMatch(each -> each.contains("found nobody"));
  }

  @Test
  void aCharacterWithoutAFaceIsRefusedWhereItsProportionsAreTaken() throws IOException {
    Path networks = shared.resolve("process_checkpoint");
    Path nobody = folder.resolve("nobody.png");
    PictureWriter.write(new Canvas(64, 64).picture(), nobody);
    PreprocessRequest request = request(dance(), false, true, RAW, null);
    PreprocessRequest other =
        new PreprocessRequest(
            request.video(),
            nobody,
            request.folder(),
            networks,
            request.area(),
            -1,
            false,
            true,
            null,
            null,
            RAW,
            null,
            null,
            request.processor(),
            false);
    assertThatThrownBy(() -> AnimatePreprocessing.run(other, told))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no person with a face was found in " + nobody);
    assertThat(Files.exists(folder.resolve("work/src_pose.mp4"))).isFalse();
  }

  /// Counts how often the networks are asked.
  private record Counting(PersonFinder finder, List<Integer> calls) implements PersonFinder {
    @Override
    public Found find(Picture picture) {
      calls.add(picture.width());
      return finder.find(picture);
    }

    @Override
    public void close() {
      finder.close();
    }
  }

  @Test
  void anInterruptedRunGoesOnToTheSameFiles() throws IOException {
    OnnxRuntime runtime = OnnxRuntime.load(null, OnnxRuntime.Processor.CPU);
    List<Integer> calls = new ArrayList<>();
    try (Counting finder =
        new Counting(NetworkFinder.open(shared.resolve("process_checkpoint"), runtime), calls)) {
      PreprocessRequest request = request(dance(), false, false, RAW, null);
      AnimatePreprocessing.run(request, finder, null, told);
      byte[] whole = Files.readAllBytes(folder.resolve("work/src_pose.mp4"));
      assertThat(calls).hasSize(FRAMES + 1); // the first once more, for the estimate
      Files.delete(folder.resolve("work/src_pose.mp4"));

      calls.clear();
      told.steps = 0;
      told.most = 3;
      assertThatThrownBy(() -> AnimatePreprocessing.run(request, finder, null, told))
          .isInstanceOf(CancellationException.class);
      assertThat(calls).hasSize(4);
      assertThat(folder.resolve("work/src_pose.mp4")).doesNotExist();

      calls.clear();
      told.most = Integer.MAX_VALUE;
      PreprocessRequest resumed = resumed(request);
      AnimatePreprocessing.run(resumed, finder, null, told);
      assertThat(calls).hasSize(FRAMES - 3 + 1);
      assertThat(told.sentences).contains("3 frames are known from the interrupted run");
      assertThat(Files.readAllBytes(folder.resolve("work/src_pose.mp4"))).isEqualTo(whole);
    }
  }

  @Test
  void anotherVideoOfTheSameLengthIsNotGoneOnWith() throws IOException {
    Path video = folder.resolve("video.mkv");
    writeClip(video, List.of(0, 1, 2), false);
    OnnxRuntime runtime = OnnxRuntime.load(null, OnnxRuntime.Processor.CPU);
    try (PersonFinder finder = NetworkFinder.open(shared.resolve("process_checkpoint"), runtime)) {
      PreprocessRequest request = request(video, false, false, RAW, null);
      told.most = 2;
      assertThatThrownBy(() -> AnimatePreprocessing.run(request, finder, null, told))
          .isInstanceOf(CancellationException.class);
      byte[] bytes = Files.readAllBytes(video);
      bytes[bytes.length / 2]++;
      Files.write(video, bytes);
      assertThatThrownBy(() -> AnimatePreprocessing.run(resumed(request), finder, null, told))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--resume found what was begun with another video");
    }
  }

  private static PreprocessRequest resumed(PreprocessRequest request) {
    return new PreprocessRequest(
        request.video(),
        request.picture(),
        request.folder(),
        request.networks(),
        request.area(),
        request.framesPerSecond(),
        request.isReplacement(),
        request.isRetargeted(),
        null,
        null,
        request.shape(),
        null,
        null,
        request.processor(),
        true);
  }
}
