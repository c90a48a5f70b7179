// Says whether a WebSocket answers at /ws (websocket.conf); on a site without one it says nothing.
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws');
socket.onopen = () => socket.send('hello');
socket.onmessage = m => { document.getElementById('echo').textContent = `The echo says: ${m.data}`; };
