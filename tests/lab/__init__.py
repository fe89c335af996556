# SPDX-License-Identifier: Apache-2.0
"""The laboratory: a private libvirt, guests that run without hardware help, the agent, clients.

Everything that it starts it also ends, whatever happens to the program that uses it.
"""
