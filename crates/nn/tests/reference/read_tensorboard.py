"""What TensorBoard finds in a directory, one tag a line: for the test of crates/nn/src/log. Exit code 3 where the package is missing."""

import io
import sys

try:
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    sys.exit(3)

board = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0, "images": 0}, purge_orphaned_data=True)
board.Reload()
print("loss", *(f"{event.step}:{event.value}" for event in board.Scalars("loss")))


def spread(event):
    values = event.histogram_value
    bars = [int(bar) for bar in values.bucket if bar]
    return f"{event.step}:count={values.num},least={values.min},largest={values.max},sum={values.sum},bars={bars}"


print("weights", *map(spread, board.Histograms("weights")))
for event in board.Images("grey"):
    picture = Image.open(io.BytesIO(event.encoded_image_string))
    pixels = list(picture.getdata())
    rows = [pixels[at : at + picture.width] for at in range(0, len(pixels), picture.width)]
    print(f"grey {event.step}:{picture.width}x{picture.height}", rows)
