"""The parts of a screen. Each draws what it is given and posts messages; none looks into another."""
