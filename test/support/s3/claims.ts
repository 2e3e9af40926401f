/** Length in bytes of the object that takes a free place for a copy, where no versions are kept and copies know no condition. */
export const claimBytes = "bale was going to copy an object here: 00000000-0000-0000-0000-000000000000\n"
	.length;
