"""Search spaces: their files, their members (architectures), and the strings that name a member."""
