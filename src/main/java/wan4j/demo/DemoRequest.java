package wan4j.demo;

import java.util.Arrays;
import wan4j.CacheSettings;
import wan4j.Sampling;
import wan4j.Source;
import wan4j.Task;
import wan4j.VideoRequest;
import wan4j.VideoSize;
import wan4j.media.Picture;
import wan4j.media.Sound;

/// Requests at the settings that the demo's models were trained for (demo/training/README.md).
public final class DemoRequest {
  /// Pixels in a row, and rows.
  public static final int SIDE = 128;

  /// Frames.
  public static final int FRAMES = 33;

  /// Solver steps.
  public static final int STEPS = 20;

  /// Solver steps of speech to video.
  public static final int SPEECH_STEPS = 12;

  private static final double SHIFT = 5;
  private static final double GUIDANCE = 4;

  private static final double SPEECH_SHIFT = 3;
  private static final double SPEECH_GUIDANCE = 1;
  private static final Source.Clips SPEECH_CLIPS = new Source.Clips(32, Integer.MAX_VALUE, false);
  private static final int SPEECH_RATE = Task.S2V_14B.defaults().framesPerSecond();
  private static final int CLIP_SAMPLES =
      SPEECH_CLIPS.frames() * Source.Speech.SOUND_RATE / SPEECH_RATE;

  /// The number of a sound's frame with which its video begins.
  static final int VOICE_LEAD = SPEECH_CLIPS.frames() - SPEECH_CLIPS.leastFrames();

  private DemoRequest() {}

  /// Returns the request for a prompt, and a picture to begin with or null.
  public static VideoRequest of(String prompt, Picture picture, long seed) {
    return of(prompt, picture, seed, new CacheSettings.Off());
  }

  /// Returns the request for a prompt, a picture to begin with or null, and a cache.
  public static VideoRequest of(String prompt, Picture picture, long seed, CacheSettings cache) {
    return VideoRequest.of(
            prompt, new VideoSize(SIDE, SIDE, FRAMES), sampling(STEPS, SHIFT, GUIDANCE, seed))
        .with(picture == null ? Source.TEXT : new Source.Image(picture))
        .withCache(cache);
  }

  /// Returns the request for a face that speaks a voice's sound, in as many clips as it fills.
  public static VideoRequest speech(String prompt, DrawnFace face, Sound voice, long seed) {
    Source.Clips clips =
        new Source.Clips(SPEECH_CLIPS.frames(), voice.length() / CLIP_SAMPLES, false);
    return VideoRequest.of(
            prompt,
            new VideoSize(SIDE, SIDE, clips.leastFrames()),
            sampling(SPEECH_STEPS, SPEECH_SHIFT, SPEECH_GUIDANCE, seed))
        .with(new Source.Speech(face.picture(SIDE), voice, null, clips));
  }

  /// Returns what the voice of a seed says for so many clips of speech.
  public static Sound voice(int clips, long seed) {
    return SyntheticVoice.say(clips * CLIP_SAMPLES, seed);
  }

  /// Returns how many frames so many clips of speech have.
  static int speechFrames(int clips) {
    return SPEECH_CLIPS.frames() * clips - VOICE_LEAD;
  }

  /// Returns the part of a voice's sound that such a video's frames show.
  public static Sound heard(Sound voice) {
    int from = (int) Math.round(SPEECH_CLIPS.soundStart() * voice.rate());
    return Sound.of(voice.rate(), Arrays.copyOfRange(voice.channel(0), from, voice.length()));
  }

  private static Sampling sampling(int steps, double shift, double guidance, long seed) {
    return new Sampling(
        Sampling.Solver.UNIPC, steps, shift, guidance, guidance, seed, Sampling.Generator.CUDA);
  }
}
