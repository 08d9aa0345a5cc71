package wan4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Option;
import wan4j.Source;
import wan4j.Task;
import wan4j.media.Picture;
import wan4j.media.Sound;
import wan4j.media.SoundFile;
import wan4j.media.SoundReader;
import wan4j.media.Soundtrack;
import wan4j.tensor.InputException;

/// The flags of speech to video: what is spoken, how the speaker moves, and how sound and pictures
/// meet.
final class SpeechOptions {
  private static final String LIPS = "lips";
  private static final String REFERENCE = "reference";
  private static final double SHORTEST_PROMPT = 5; // seconds that CosyVoice asks for
  private static final double LONGEST_PROMPT = 15;

  @Option(
      names = "--audio",
      description = "What the subject speaks or sings: any sound file, or a video with sound.")
  private Path audio;

  @Option(names = "--pose_video", description = "A video of drawn poses that the subject follows.")
  private Path poseVideo;

  @Option(
      names = "--num_clip",
      paramLabel = "1..",
      description = "At most so many clips (default: as many as the sound fills).")
  private Integer clips;

  @Option(
      names = "--infer_frames",
      paramLabel = "4..",
      description = "Frames of a clip, a multiple of 4 (default: 80).")
  private Integer clipFrames;

  @Option(
      names = "--start_from_ref",
      arity = "0..1",
      fallbackValue = "True",
      description = "Begin the video with the picture itself (default: False).")
  private String fromPicture;

  @Option(
      names = "--mux",
      description =
          "Where the sound of the video begins: lips, with the first frame, so that lips match it;"
              + " reference, three frames before that, as the reference has it (default: lips).")
  private String mux;

  @Option(
      names = "--enable_tts",
      arity = "0..1",
      fallbackValue = "True",
      description =
          "Let the speech endpoint of WAN4J_SPEECH_URL say --tts_text; --audio is ignored (default:"
              + " False).")
  private String synthesis;

  @Option(
      names = "--tts_prompt_audio",
      description = "A sound of 5 to 15 seconds whose voice speaks.")
  private Path promptAudio;

  @Option(
      names = "--tts_prompt_text",
      description = "What is said in --tts_prompt_audio; without it the voice alone is taken.")
  private String promptText;

  @Option(names = "--tts_text", description = "What is to be said.")
  private String text;

  private Path voice; // the file of what is spoken, once it is known

  /// Throws `InputException` when a flag was given and the task hears no speech, and for flags that
  /// do not go together.
  void check(Task task) {
    List<String> given = given();
    if (task != Task.S2V_14B) {
      if (!given.isEmpty()) {
        throw new InputException(
            "%s was given, but task %s hears no speech; leave it out, or use a checkpoint of s2v-14B"
                .formatted(given.getFirst(), task.spelling()));
      }
      return;
    }
    if (mux != null && !mux.equals(LIPS) && !mux.equals(REFERENCE)) {
      throw new InputException("--mux got \"%s\"; it takes lips or reference".formatted(mux));
    }
    clips();
    if (!isSynthesised()) {
      given.stream()
          .filter(flag -> flag.startsWith("--tts_"))
          .findFirst()
          .ifPresent(flag -> {
            throw new InputException(
                "%s was given without --enable_tts; add it, or leave %s out".formatted(flag, flag));
          });
      return;
    }
    if (text == null || text.isBlank()) {
      throw new InputException(
          "--enable_tts was given without --tts_text; give what is to be said with --tts_text");
    }
    if (promptAudio == null) {
      throw new InputException(
          "--enable_tts was given without --tts_prompt_audio; give a sound of 5 to 15 seconds whose"
              + " voice is to speak");
    }
  }

  private boolean startsFromPicture() {
    return Flags.isTrue("--start_from_ref", fromPicture, false);
  }

  /// Says whether an endpoint is to say what is spoken.
  boolean isSynthesised() {
    return Flags.isTrue("--enable_tts", synthesis, false);
  }

  private List<String> given() {
    List<String> given = new ArrayList<>();
    add(given, "--audio", audio != null);
    add(given, "--pose_video", poseVideo != null);
    add(given, "--num_clip", clips != null);
    add(given, "--infer_frames", clipFrames != null);
    add(given, "--start_from_ref", startsFromPicture());
    add(given, "--mux", mux != null);
    add(given, "--enable_tts", isSynthesised());
    add(given, "--tts_prompt_audio", promptAudio != null);
    add(given, "--tts_prompt_text", promptText != null);
    add(given, "--tts_text", text != null);
    return given;
  }

  private static void add(List<String> given, String flag, boolean isGiven) {
    if (isGiven) {
      given.add(flag);
    }
  }

  private Source.Clips clips() {
    Source.Clips usual = Source.Clips.USUAL;
    return new Source.Clips(
        clipFrames == null ? usual.frames() : clipFrames,
        clips == null ? usual.most() : clips,
        startsFromPicture());
  }

  /// Returns the frames that the first clip keeps where it does not begin with the picture.
  int firstFrames() {
    return clips().leastFrames();
  }

  /// Returns what a video is made from, given its picture or null. What is synthesised is kept
  /// beside `video`, and taken from there when a run is resumed. Throws `InputException` when it
  /// cannot be read or made.
  Source source(Picture picture, Path video, boolean isResumed, Consumer<String> says) {
    if (picture == null) {
      return Source.TEXT; // whose course says what is missing
    }
    voice = isSynthesised() ? synthesised(video, isResumed, says) : audio;
    if (voice == null) {
      return new Source.Image(picture);
    }
    return new Source.Speech(picture, SoundReader.speech(voice), poseVideo, clips());
  }

  private Path synthesised(Path video, boolean isResumed, Consumer<String> says) {
    if (audio != null) {
      says.accept("--audio is ignored, since --enable_tts says what is spoken");
    }
    Path wav = video.resolveSibling(video.getFileName() + ".speech.wav");
    if (isResumed && Files.exists(wav)) {
      return wav;
    }
    SpeechEndpoint endpoint = SpeechEndpoint.ofEnvironment(System.getenv());
    double seconds = SoundReader.readSpeech(promptAudio).length / (double) Source.Speech.SOUND_RATE;
    if (seconds < SHORTEST_PROMPT || seconds > LONGEST_PROMPT) {
      says.accept(
          "--tts_prompt_audio lasts %.1f s; voices come out best from 5 to 15 s"
              .formatted(seconds));
    }
    endpoint.speak(new SpeechEndpoint.Speech(text, promptAudio, promptText), wav);
    says.accept("what is spoken is kept in %s".formatted(wav));
    return wav;
  }

  /// Returns the sound of a video whose source is known; none where its format holds none, which is
  /// said.
  Soundtrack track(boolean holdsSound, Path video, Consumer<String> says) {
    if (voice == null) {
      return Sound.NONE;
    }
    if (!holdsSound) {
      says.accept(
          "%s holds no sound, so the video is silent; name it .mp4 or .mkv for one that speaks"
              .formatted(video));
      return Sound.NONE;
    }
    return new SoundFile(voice, REFERENCE.equals(mux) ? 0 : clips().soundStart());
  }
}
