import random
import string

ADJECTIVES = (
    "amber brave bright brisk calm clever coral crisp deft eager early fair fleet gentle golden green happy honest "
    "icy jolly keen kind lively loyal lucid lunar mellow merry mild neat nimble noble olden patient plucky proud "
    "quick quiet quirky ripe rosy sage sandy serene sharp silver sleek smooth snowy solar steady strong sturdy sunny "
    "swift tidy tender upbeat valiant vivid warm witty zesty"
).split()
NOUNS = (
    "acorn anchor apple arch bay beach beacon bell berry bird branch bridge brook cactus canyon cedar cherry cliff "
    "cloud clover comet coral crane creek dawn deer delta dune eagle feather fern field finch fjord flame forest "
    "fox garden glacier grape grove harbor hawk heron hill island ivy kite lagoon lake leaf lemon lily maple meadow "
    "moon oak ocean olive orchid otter owl panda peach pearl pebble pine plum pond quail rain reef river robin rose "
    "sail seal shell sky spruce star stone sun swan thunder tide tree tulip valley wave whale willow wind wolf"
).split()


def generate(seed: str | None = None) -> str:
    """adjective_noun_suffix, as Azure names jobs for people: `brave_sun_rmvw3yx4`. The same for the same `seed`."""
    choose = random.Random(seed).choice  # noqa: S311  a name is no secret
    suffix = "".join(choose(string.ascii_lowercase + string.digits) for _ in range(8))
    return f"{choose(ADJECTIVES)}_{choose(NOUNS)}_{suffix}"
