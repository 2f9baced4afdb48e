# Everything in this module is for other kernels to cimport; see pack.pxd.
